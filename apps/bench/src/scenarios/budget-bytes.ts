import { type OptimizerName, optimizers, PlanError, type PreparedData } from "@fae/core";
import { openPrepared, toBatchSource } from "@fae/datasets";
import { inverseOrder, popularityOrder, rowBytes } from "@fae/embedding-store";
import { dataShape, findModel } from "@fae/models";
import { type AccessCounts, calibrate, chooseHotSet, countAccesses, countOfCounts, type HotSet } from "@fae/profiler";
import { generatedLog } from "../data/log.js";
import { trainingWords } from "../data/training-words.js";
import { logSpec, type Workload, workloads } from "../data/workloads.js";
import { largestGap } from "../measure/gap.js";
import { bareBytes, forIds, type HotBytes, type HotProblem, hotBytes } from "../measure/hot-bytes.js";
import { isExact } from "../measure/strategies.js";
import { figureOf, plainSeries } from "../report/series.js";
import type { Check, Figure, Table } from "../result.js";
import type { Bench, Findings, Scenario, Size } from "../scenario.js";

const MiB = 2 ** 20;
/** In MiB at the paper's table sizes; scaled with the tables. */
const budgets: Readonly<Record<Size, readonly number[]>> = {
  tiny: [1, 16, 128, 1024],
  quick: [1, 8, 64, 256, 1024],
  full: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
};
const inputs: Readonly<Record<Size, number>> = { tiny: 480, quick: 40_000, full: 10_000_000 };
const samplePercent: Readonly<Record<Size, number>> = { tiny: 20, quick: 5, full: 5 };
const batchInputs: Readonly<Record<Size, number>> = { tiny: 16, quick: 128, full: 128 };
const batches = 2;
const optimizerNames = Object.keys(optimizers) as OptimizerName[];

/** One budget with one optimizer. */
export interface Point {
  readonly optimizer: OptimizerName;
  readonly budgetBytes: number;
  /** Bytes that the small tables need when the budget does not hold them; they are then not hot as a whole. */
  readonly refusedNeed: number | null;
  readonly hotSet: HotSet;
  /** Of the hot set that the sampled method chooses. */
  readonly sampledBytes: number;
  readonly counted: HotBytes;
}

export const budgetBytesScenario: Scenario = {
  name: "budget-bytes",
  title: "The budget in true bytes",
  describes: "device bytes that the engine counts for hot rows, 1 MiB to 1 GiB, every optimizer, RMC2",
  paper: "Hot rows stay within the memory that the user gives; the paper does not say whether optimizer state counts.",
  async run(bench: Bench): Promise<Findings> {
    const [workload] = await workloads({ ...bench, budgetBytes: undefined }, ["RMC2"]);
    const log = await logOf(bench);
    const counted = await countBoth(bench, log.data);
    const points: Point[] = [];
    for (const optimizer of optimizerNames)
      for (const point of await sweep(bench, workload, log, counted, optimizer)) points.push(point);
    const rows = log.data.tables.reduce((sum, table) => sum + table.rows, 0);
    return {
      seeds: [1],
      repeats: points.map(rawPoint),
      checks: optimizerNames.flatMap((name) =>
        checksOf(
          bench,
          name,
          points.filter(({ optimizer }) => optimizer === name),
        ),
      ),
      figures: [useFigure(bench, log.scale, points)],
      tables: [bytesTable(points)],
      notes: [
        `${workload.name}: ${rows.toLocaleString("en-US")} rows of ${workload.program.width} values, hot rows chosen from ${counted.exact.inputs.toLocaleString("en-US")} inputs${log.scale === 1 ? "" : `, tables and budgets scaled to ${log.scale}`}.`,
        `"copied": bytes that went to the device before the first hot batch of fae, counted by the engine where it copies. "fae" and "mixed": device memory of the session above that of the same session without hot rows. fae holds one byte more per hot row, whether it has changed; mixed needs a few slots less for cold rows in flight where a table is hot as a whole.`,
        "A budget that does not hold the small tables is refused with the bytes that it would take; the row then shows the hot set without whole small tables. A budget that is not used up holds every row that was seen.",
      ],
    };
  },
};

interface Log {
  readonly data: PreparedData;
  readonly scale: number;
}

async function logOf(bench: Bench): Promise<Log> {
  if (bench.data !== "synthetic") return { data: await openPrepared(bench.data), scale: 1 };
  const spec = { ...logSpec(bench, "criteo-kaggle"), inputs: inputs[bench.size] };
  return { data: await generatedLog(bench, spec), scale: spec.scale };
}

interface Counted {
  readonly exact: AccessCounts;
  readonly sampled: AccessCounts;
  /** Inputs in popularity order, `batches` of them. */
  readonly words: Uint32Array;
}

async function countBoth(bench: Bench, data: PreparedData): Promise<Counted> {
  const { tables } = data;
  const source = toBatchSource(data, "train");
  const sample = { ratePercent: samplePercent[bench.size], seed: 0 };
  const exact = await countAccesses(source, { tables, signal: bench.signal });
  const sampled = await countAccesses(source, { tables, sample, signal: bench.signal });
  const words = firstInputs(data, batches * batchInputs[bench.size]);
  const newIds = exact.counts.map((counts) => inverseOrder(popularityOrder(counts)));
  forIds(data.layout, words.length, (at, table) => {
    if (words[at] < newIds[table].length) words[at] = newIds[table][words[at]];
  });
  return { exact, sampled, words };
}

function firstInputs(data: PreparedData, count: number): Uint32Array {
  if ((data.splits.train?.rows ?? 0) < count) throw new RangeError(`the log has fewer than ${count} training inputs`);
  return trainingWords(data, 0, count);
}

async function sweep(
  bench: Bench,
  workload: Workload,
  { data, scale }: Log,
  { exact, sampled, words }: Counted,
  optimizer: OptimizerName,
): Promise<Point[]> {
  const program = findModel(workload.model).build(dataShape(data), workload.modelOptions);
  const problem: HotProblem = {
    engine: bench.engine,
    program,
    optimizer,
    batch: batchInputs[bench.size],
    layout: data.layout,
    words,
  };
  const bare = await bareBytes(problem);
  const histograms = { exact: exact.counts.map(countOfCounts), sampled: sampled.counts.map(countOfCounts) };
  const points: Point[] = [];
  for (const size of budgets[bench.size]) {
    const budgetBytes = Math.floor(size * MiB * scale);
    bench.log(`${optimizer}, ${budgetBytes} bytes`);
    const options = { rowBytes: rowBytes(program.width, optimizer), budgetBytes };
    const usual = { ...options, smallTableBytes: Math.floor(MiB * scale) };
    const refusedNeed = needOf(() => chooseHotSet(exact.counts, histograms.exact, usual));
    const taken = refusedNeed === null ? usual : { ...options, smallTableBytes: 0 };
    const hotSet = chooseHotSet(exact.counts, histograms.exact, taken);
    const { hotSet: fromSample } = calibrate(sampled.counts, histograms.sampled, sampled.inputs, taken);
    const counted = await hotBytes(problem, hotSet.hotRows, budgetBytes, bare);
    const point: Point = { optimizer, budgetBytes, refusedNeed, hotSet, sampledBytes: fromSample.bytes, counted };
    points.push(point);
    bench.record(rawPoint(point, points.length - 1));
  }
  return points;
}

/** Bytes that a refusal asks for; null when the choice is made. */
function needOf(choose: () => HotSet): number | null {
  try {
    choose();
    return null;
  } catch (error) {
    const need = error instanceof PlanError ? error.details?.["needBytes"] : undefined;
    if (typeof need === "number") return need;
    throw error;
  }
}

const rawPoint = ({ optimizer, budgetBytes, refusedNeed, hotSet, sampledBytes, counted }: Point, repeat: number) => ({
  variant: `${optimizer} ${budgetBytes}`,
  repeat,
  optimizer,
  budgetBytes,
  smallTablesNeed: refusedNeed,
  hotRows: hotSet.rows,
  plannedBytes: hotSet.bytes,
  copiedBytes: counted.copied,
  faeBytes: counted.held.fae,
  mixedBytes: counted.held.mixed,
  sampledBytes,
});

/** Only there is device memory counted byte by byte; other engines round, or keep wider numbers. */
const countsMemory = ({ engine }: Pick<Bench, "engine">): boolean => engine.name === "cpu";

export function checksOf(bench: Pick<Bench, "engine">, name: OptimizerName, points: readonly Point[]): Check[] {
  const check = (what: string, holds: (point: Point) => boolean, detail: string): Check => {
    const wrong = points.filter((point) => !holds(point)).map(({ budgetBytes }) => budgetBytes);
    return {
      what: `${name}: ${what}`,
      passed: points.length > 0 && wrong.length === 0,
      detail:
        points.length === 0 ? "nothing to compare" : wrong.length === 0 ? detail : `not with ${wrong.join(", ")} bytes`,
    };
  };
  const fullest = Math.max(...points.map(({ counted, budgetBytes }) => counted.copied / budgetBytes));
  const refused = points.filter(({ refusedNeed }) => refusedNeed !== null).length;
  return [
    check(
      "hot rows with their state keep every budget as copied",
      ({ counted, budgetBytes }) => counted.copied <= budgetBytes,
      `${points.length} budgets, the fullest used to ${(100 * fullest).toPrecision(6)} %`,
    ),
    check(
      "copied bytes are the planned ones",
      ({ counted, hotSet }) => counted.copied === hotSet.bytes,
      "equal to the byte",
    ),
    check(
      "a hot set from a sample keeps every budget",
      ({ sampledBytes, budgetBytes }) => sampledBytes <= budgetBytes,
      `${points.length} budgets`,
    ),
    check(
      "budgets are refused only below the small tables",
      ({ refusedNeed, budgetBytes }) => refusedNeed === null || refusedNeed > budgetBytes,
      `${refused} refused`,
    ),
    ...(countsMemory(bench)
      ? [
          check(
            "mixed takes no more device memory than the budget",
            ({ counted, budgetBytes }) => counted.held.mixed <= budgetBytes,
            `${points.length} budgets`,
          ),
          check(
            "fae takes one byte per hot row beside them",
            ({ counted, hotSet }) => counted.held.fae === counted.copied + hotSet.rows,
            "equal to the byte",
          ),
        ]
      : []),
    ...(isExact(bench)
      ? [
          check(
            "fae and mixed have equal losses",
            ({ counted: { losses } }) => largestGap(losses.fae, losses.mixed) === 0,
            `${points.reduce((sum, { counted }) => sum + counted.losses.fae.length, 0)} batches, equal bit by bit`,
          ),
        ]
      : []),
  ];
}

function useFigure({ size }: Bench, scale: number, points: readonly Point[]): Figure {
  return figureOf("curve", {
    title: "How much of the budget hot rows fill",
    x: budgets[size].map((budget) => budget * scale),
    xTitle: "MiB of device memory for hot rows",
    yTitle: "% of the budget, as copied",
    logX: true,
    series: optimizerNames.map((name) =>
      plainSeries(
        name,
        points
          .filter(({ optimizer }) => optimizer === name)
          .map(({ counted, budgetBytes }) => (100 * counted.copied) / budgetBytes),
      ),
    ),
  });
}

const bytesTable = (points: readonly Point[]): Table => ({
  title: "Bytes of hot rows with their state, as the engine counts them",
  columns: ["optimizer", "budget", "hot rows", "copied", "fae", "mixed", "% used", "refused: small tables need"],
  rows: points.map(({ optimizer, budgetBytes, hotSet, counted, refusedNeed }) => [
    optimizer,
    budgetBytes,
    hotSet.rows,
    counted.copied,
    counted.held.fae,
    counted.held.mixed,
    (100 * counted.copied) / budgetBytes,
    refusedNeed,
  ]),
  note: "",
});
