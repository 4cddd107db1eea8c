/** Random small training problems with everything that could make two placements differ. */
import { type BatchSource, type RowLayout, strideWords } from "../batch.js";
import type { Job } from "../engine.js";
import { optimizerSpec, optimizers } from "../optimizers/index.js";
import type { OptimizerName } from "../optimizers/types.js";
import type { Plan, RouteName, Segment } from "../plan.js";
import { Random } from "../random.js";
import { randomProgram } from "./programs.js";

/** One call to a session. A segment says whether its batches are hot; the variant chooses the route. */
export type ProblemStep =
  | {
      readonly kind: "run";
      readonly isHot: boolean;
      readonly segment: Omit<Segment, "route">;
      readonly learningRates: readonly number[];
    }
  | { readonly kind: "evaluate"; readonly source: string };

export interface ExactnessProblem {
  /** What is special about it, for messages. */
  readonly name: string;
  readonly job: Omit<Job, "plan">;
  readonly hotRows: readonly number[];
  /** `train`: any batches in a random order. `packed`: hot and cold batches taking turns. */
  readonly orders: Readonly<Record<"train" | "packed", readonly ProblemStep[]>>;
}

/** One way to run a problem: a plan and the route of each segment. */
export interface Variant {
  readonly name: string;
  readonly order: "train" | "packed";
  readonly plan: Plan;
  readonly routeOf: (isHot: boolean) => RouteName;
}

const pick = <T>(random: Random, values: readonly T[]): T => values[random.below(values.length)];

/** Ids are skewed towards 0, as in popularity order; some bags are short. */
function randomWords(random: Random, layout: RowLayout, tableRows: readonly number[], rows: number): Uint32Array {
  const words = new Int32Array(rows * strideWords(layout));
  const floats = new Float32Array(words.buffer);
  const skew = 1 + random.below(6);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    words[at++] = random.below(2);
    for (let step = 0; step < Math.max(1, layout.steps); step++) {
      for (let f = 0; f < layout.denseFeatures; f++)
        if (layout.denseEncoding === "float32") floats[at++] = 2 * random.next() - 1;
        else words[at++] = random.below(50);
      layout.hotness.forEach((bag, table) => {
        const filled = random.below(4) === 0 ? random.below(bag + 1) : bag;
        for (let l = 0; l < bag; l++)
          words[at++] = l < filled ? Math.floor(tableRows[table] * random.next() ** skew) : -1;
      });
    }
  }
  return new Uint32Array(words.buffer);
}

/** Splits rows into those whose ids all are hot and the others, keeping their order. */
function partition(words: Uint32Array, layout: RowLayout, hotRows: readonly number[]) {
  const stride = strideWords(layout);
  const hot: number[] = [];
  const cold: number[] = [];
  const tableOf = layout.hotness.flatMap((bag, table) => new Array<number>(bag).fill(table));
  const group = layout.denseFeatures + tableOf.length;
  for (let from = 0; from < words.length; from += stride) {
    const row = words.subarray(from, from + stride);
    const isHot = row.every((word, i) => {
      const id = ((i - 1) % group) - layout.denseFeatures;
      return i === 0 || id < 0 || (word | 0) < hotRows[tableOf[id]];
    });
    (isHot ? hot : cold).push(...row);
  }
  return { hot: Uint32Array.from(hot), cold: Uint32Array.from(cold) };
}

/** Random segments over some batches of a source, the order of batches shuffled or not. */
function randomSegments(
  random: Random,
  source: BatchSource,
  batch: number,
  { isHot, longest }: { isHot: boolean; longest: number },
): ProblemStep[] {
  const steps: ProblemStep[] = [];
  for (let epoch = 0; epoch < 1 + random.below(2); epoch++) {
    const order = Uint32Array.from({ length: Math.ceil(source.rows / batch) }, (_, i) => i);
    if (random.below(2) === 0) random.shuffle(order);
    for (let from = 0; from < order.length; ) {
      const batches = order.slice(from, from + 1 + random.below(longest));
      from += batches.length;
      const learningRates = Array.from(batches, () => 0.02 + 0.2 * random.next());
      steps.push({
        kind: "run",
        isHot,
        segment: { kind: "segment", source: source.name, epoch, batches },
        learningRates,
      });
    }
  }
  return steps;
}

/** Hot rows of a table: half of the problems have enough for many hot inputs, in the others none and all are possible. */
const randomHotRows = (random: Random, rows: number, isGenerous: boolean): number =>
  isGenerous ? Math.ceil(rows * (0.3 + 0.7 * random.next())) : pick(random, [0, rows, random.below(rows + 1)]);

/** The same problem for the same seed, everywhere. */
export function randomProblem(seed: number): ExactnessProblem {
  const random = new Random(seed);
  const steps = random.below(3) === 0 ? 2 + random.below(3) : 0;
  const tableRows = Array.from({ length: 1 + random.below(4) }, () => 1 + random.below(30));
  const layout: RowLayout = {
    denseFeatures: 1 + random.below(3),
    denseEncoding: pick(random, ["float32", "int32-log1p"]),
    steps,
    hotness: tableRows.map(() => pick(random, [1, 1, 2, 3])),
  };
  const width = pick(random, [1, 2, 3, 4, 8]);
  const program = randomProgram(random, { denseFeatures: layout.denseFeatures, steps, width, tableRows });
  const batch = 1 + random.below(7);
  const isGenerous = random.below(2) === 0;
  const hotRows = tableRows.map((rows) => randomHotRows(random, rows, isGenerous));
  const words = randomWords(random, layout, tableRows, 1 + random.below(40));
  const shuffleSeed = random.below(2) === 0 ? null : random.below(1000);
  const source = (name: string, data: Uint32Array): BatchSource => ({
    name,
    layout,
    rows: data.length / strideWords(layout),
    storage: { kind: "memory", words: data },
    shuffleSeed,
  });
  const { hot, cold } = partition(words, layout, hotRows);
  const sources = [source("train", words), source("hot", hot), source("cold", cold)];
  const optimizer = optimizerSpec(pick(random, Object.keys(optimizers) as OptimizerName[]));
  const evaluation: ProblemStep = { kind: "evaluate", source: "train" };
  const withTests = (order: ProblemStep[]): ProblemStep[] => [
    ...order.flatMap((step) => (random.below(4) === 0 ? [step, evaluation] : [step])),
    evaluation,
  ];
  const train = withTests(randomSegments(random, sources[0], batch, { isHot: false, longest: 6 }));
  const turns = [
    ...randomSegments(random, sources[1], batch, { isHot: true, longest: 2 }),
    ...randomSegments(random, sources[2], batch, { isHot: false, longest: 2 }),
  ];
  const packed = withTests(Array.from(random.shuffle(Uint32Array.from(turns.keys())), (i) => turns[i]));
  return {
    name:
      `problem ${seed} (${program.name}, ${optimizer.name}, tables ${tableRows.join("-")}, hot ${hotRows.join("-")}, ` +
      `L ${layout.hotness.join("-")}, D ${width}, S ${steps}, ${sources[0].rows} inputs, batch ${batch})`,
    job: { program, optimizer, sources, batch, seed, threads: 1 + random.below(3) },
    hotRows,
    orders: { train, packed },
  };
}

/** Every synchronous way to run a problem. All ways of one order must give the same result. */
export function variantsOf({ job, hotRows }: ExactnessProblem): Variant[] {
  const { tables } = job.program;
  const plan = (routes: readonly RouteName[], on: "host" | "device" | "split", rest: Partial<Plan> = {}): Plan => ({
    strategy: routes.join("+"),
    placements: Object.fromEntries(
      tables.map(({ name }, t) => [name, on === "split" ? { on, hotRows: hotRows[t] } : { on }]),
    ),
    routes,
    devices: 1,
    lookAhead: 0,
    servers: 1,
    staleness: 0,
    ...rest,
  });
  const always = (order: Variant["order"], route: RouteName, how: Plan, label = ""): Variant => ({
    name: `${order} ${route}${label}`,
    order,
    plan: how,
    routeOf: () => route,
  });
  const mixed = (order: Variant["order"], lookAhead: number) =>
    always(order, "mixed", plan(["mixed"], "split", { lookAhead }), ` look-ahead ${lookAhead}`);
  const servers = 1 + (job.seed % 4);
  return [
    always("train", "host", plan(["host"], "host")),
    always("train", "hybrid", plan(["hybrid"], "host")),
    always("train", "server", plan(["server"], "host", { servers }), ` of ${servers}`),
    ...[0, 1, 2, 3, 4].map((lookAhead) => mixed("train", lookAhead)),
    always("train", "device", plan(["device"], "device")),
    always("packed", "host", plan(["host"], "host")),
    {
      name: "packed hot and hybrid",
      order: "packed",
      plan: plan(["hot", "hybrid"], "split"),
      routeOf: (isHot) => (isHot ? "hot" : "hybrid"),
    },
    mixed("packed", job.seed % 5),
    always("packed", "device", plan(["device"], "device")),
  ];
}
