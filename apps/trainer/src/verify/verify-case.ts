import {
  checkArguments,
  checkOptions,
  type Engine,
  is,
  type Job,
  optimizerSpec,
  type Placement,
  type Plan,
  type RouteName,
  type Session,
  UnsupportedError,
} from "@fae/core";
import { type GoldenCase, readGoldenCase } from "./golden-case.js";

/** The largest difference of a kind between engine and recording. */
export interface WorstError {
  readonly error: number;
  readonly tolerance: number;
  /** e.g. `step 3` or `emb_l.0.weight[17]`. */
  readonly where: string;
}

export interface CaseResult {
  readonly name: string;
  readonly engine: string;
  readonly route: RouteName;
  readonly steps: number;
  readonly passed: boolean;
  readonly losses: WorstError;
  /** Probabilities before each update. */
  readonly predictions: WorstError;
  /** Tables and parameters after the last update. */
  readonly weights: WorstError;
  /** dL/dw of the first step, from its update; null unless the optimizer is SGD. */
  readonly gradients: WorstError | null;
  readonly seconds: number;
}

/** Every route, the usual ones first. */
export const routeNames: readonly RouteName[] = ["host", "hybrid", "server", "hot", "mixed", "device"];

export interface VerifyOptions {
  /** Default: `host`, or `device` on an engine that has no host route. */
  readonly route?: RouteName;
}

/** Tolerances from the case's own conditioning: `test/golden/README.md`. */
const float32Tolerance = (conditioning: number): number => Math.max(1e-5, 10 * conditioning);
const float64Tolerance = 1e-9;

/**
 * Trains a golden case on an engine and compares every loss, prediction and weight with what the reference implementation
 * recorded. The `reference` engine computes in float64 and must meet the float64 losses.
 *
 * @param directory holds `case.json` and `tensors.safetensors`
 * @throws DataError when the case cannot be read, UnsupportedError with the engine's reasons when it cannot run it
 */
export async function verifyCase(directory: string, engine: Engine, options: VerifyOptions = {}): Promise<CaseResult> {
  checkArguments("verifyCase", {
    directory: [directory, is.text],
    engine: [engine, is.having("an engine", { name: is.text, open: is.call, refuses: is.call })],
  });
  checkOptions<VerifyOptions>("verifyCase", options, { route: is.maybe(is.oneOf(routeNames)) });
  const { route } = options;
  const start = performance.now();
  const golden = await readGoldenCase(directory);
  const { job, route: chosen } = chooseRoute(golden, engine, route);
  await using session = await engine.open(job);
  for (const [name, values] of golden.initial) await session.write(name, values);

  const isFloat64 = engine.name === "reference" && golden.losses64 !== null;
  const expectedLosses = (isFloat64 && golden.losses64) || golden.losses;
  const lossTolerance = float32Tolerance(golden.conditioning.loss);
  const weightTolerance = float32Tolerance(golden.conditioning.weight);
  const losses = worst(isFloat64 ? float64Tolerance : lossTolerance);
  const predictions = worst(lossTolerance);
  let gradients: WorstError | null = null;
  for (const [k, source] of golden.sources.entries()) {
    const { scores } = await session.evaluate(source.name);
    predictions.compare(scores, golden.predictions[k], (i) => `step ${k}, input ${i}`);
    const segment = {
      kind: "segment",
      route: chosen,
      source: source.name,
      epoch: 0,
      batches: Uint32Array.of(0),
    } as const;
    const report = await session.run(segment, [golden.learningRate]);
    losses.compare(report.losses, [expectedLosses[k]], () => `step ${k}`);
    if (k === 0 && golden.optimizer === "sgd") gradients = await compareGradients(session, golden, weightTolerance);
  }
  const weights = worst(weightTolerance);
  for (const [name, values] of golden.final) weights.compare(await session.read(name), values, (i) => `${name}[${i}]`);
  const kinds = { losses: losses.result(), predictions: predictions.result(), weights: weights.result(), gradients };
  return {
    name: golden.name,
    engine: engine.name,
    route: chosen,
    steps: golden.sources.length,
    passed: Object.values(kinds).every((kind) => kind === null || kind.error <= kind.tolerance),
    ...kinds,
    seconds: (performance.now() - start) / 1000,
  };
}

/** One step of SGD subtracts learning rate x gradient; so a weight's tolerance becomes one of gradient by the same factor. */
async function compareGradients(session: Session, golden: GoldenCase, weightTolerance: number): Promise<WorstError> {
  const { initial, gradients, learningRate } = golden;
  const found = worst(weightTolerance / learningRate);
  for (const [name, before] of initial) {
    const after = await session.read(name);
    const gradient = before.map((value, i) => (value - after[i]) / learningRate);
    found.compare(gradient, gradients.get(name) ?? [], (i) => `${name}[${i}]`);
  }
  return found.result();
}

/** Collects the largest difference; a value that is missing or not a number is infinitely wrong. */
function worst(tolerance: number) {
  let error = 0;
  let where = "";
  return {
    compare(found: ArrayLike<number>, expected: ArrayLike<number>, name: (i: number) => string): void {
      for (let i = 0; i < Math.max(found.length, expected.length); i++) {
        const difference = Math.abs(found[i] - expected[i]);
        if (difference <= error) continue;
        error = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
        where = name(i);
      }
    },
    result: (): WorstError => ({ error, tolerance, where }),
  };
}

function chooseRoute(golden: GoldenCase, engine: Engine, wanted?: RouteName): { job: Job; route: RouteName } {
  const reasons: string[] = [];
  for (const route of wanted === undefined ? (["host", "device"] as const) : [wanted]) {
    const job = jobOf(golden, route);
    const refused = engine.refuses(job);
    if (refused.length === 0) return { job, route };
    reasons.push(...refused.map((reason) => `${route}: ${reason}`));
  }
  throw new UnsupportedError(`Engine ${engine.name} cannot run the case '${golden.name}': ${reasons.join("; ")}.`, {
    fix: "Choose another engine.",
    details: { engine: engine.name, case: golden.name, reasons },
  });
}

function jobOf(golden: GoldenCase, route: RouteName): Job {
  const { program, sources, batch } = golden;
  const plan: Plan = {
    strategy: "verify",
    placements: Object.fromEntries(program.tables.map(({ name, rows }) => [name, placement(route, rows)])),
    routes: [route],
    devices: 1,
    lookAhead: 2,
    servers: 2,
    staleness: 0,
  };
  return { program, plan, optimizer: optimizerSpec(golden.optimizer), sources, batch, seed: 0, threads: 0 };
}

/** Where a route needs the rows; `mixed` gets hot and cold ones. */
function placement(route: RouteName, rows: number): Placement {
  switch (route) {
    case "device":
      return { on: "device" };
    case "hot":
      return { on: "split", hotRows: rows };
    case "mixed":
      return { on: "split", hotRows: Math.ceil(rows / 3) };
    default:
      return { on: "host" };
  }
}
