import {
  type BatchSource,
  distinctRowCount,
  type Engine,
  elements,
  type Job,
  optimizerSpec,
  type Program,
  Random,
  type RowLayout,
  referenceEngine,
  type SegmentReport,
  strideWords,
} from "@fae/core";
import { strategy } from "@fae/scheduler";
import { gapCheck, largestGap } from "../measure/gap.js";
import type { Check } from "../result.js";

/** Inputs in memory with uniform ids: every look-up misses the caches, as no real log does. */
export function uniformInputs(program: Program, rows: number, seed: number): BatchSource {
  const layout: RowLayout = {
    denseFeatures: program.denseFeatures,
    denseEncoding: "float32",
    steps: program.steps,
    hotness: program.tables.map(() => 1),
  };
  const words = new Uint32Array(rows * strideWords(layout));
  const floats = new Float32Array(words.buffer);
  const random = new Random(seed);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    words[at++] = random.below(2);
    for (let step = 0; step < Math.max(1, program.steps); step++) {
      for (let f = 0; f < layout.denseFeatures; f++) floats[at++] = random.next();
      for (const table of program.tables) words[at++] = random.below(table.rows);
    }
  }
  return { name: "uniform", layout, rows, storage: { kind: "memory", words }, shuffleSeed: null };
}

/** Trains on the host route, all batches in a segment, and reports `repeats` of them after one of warm-up. */
export async function hostSegments(
  engine: Engine,
  program: Program,
  source: BatchSource,
  batch: number,
  repeats: number,
): Promise<SegmentReport[]> {
  const plan = strategy("cpu-only").plan({
    tables: program.tables,
    rowBytes: 4 * program.width,
    budgetBytes: 0,
    devices: 1,
  });
  const job: Job = { program, plan, optimizer: optimizerSpec("sgd"), sources: [source], batch, seed: 1, threads: 0 };
  const batches = Uint32Array.from({ length: Math.floor(source.rows / batch) }, (_, i) => i);
  const segment = { kind: "segment", route: "host", source: source.name, epoch: 0, batches } as const;
  const rates = new Array<number>(batches.length).fill(1e-3);
  await using session = await engine.open(job);
  await session.run(segment, rates);
  const reports: SegmentReport[] = [];
  for (let i = 0; i < repeats; i++) reports.push(await session.run(segment, rates));
  return reports;
}

/** Float32 against float64 after a few updates of a small problem. */
const tolerance = 1e-4;

/** The engine's losses on a small problem of the same shape against those of the float64 reference engine. */
export async function agreesWithReference(engine: Engine, program: Program): Promise<Check> {
  const small = { ...program, tables: program.tables.map((table) => ({ ...table, rows: Math.min(table.rows, 50) })) };
  const source = uniformInputs(small, 48, 3);
  const [ours] = await hostSegments(engine, small, source, 16, 1);
  const [exact] = await hostSegments(referenceEngine(), small, source, 16, 1);
  return gapCheck(
    `${program.name}: losses are those of the float64 reference`,
    largestGap(exact.losses, ours.losses),
    tolerance,
    `${2 * ours.losses.length} batches`,
  );
}

/** Bytes of rows that a segment must touch: every looked-up row once, every distinct row read and written by the update. */
export function rowTraffic(program: Program, source: BatchSource, batch: number): number {
  const { storage, layout, rows } = source;
  if (storage.kind !== "memory") throw new TypeError("only inputs in memory are counted");
  const stride = strideWords(layout);
  const shape = {
    layout,
    width: program.width,
    stateValues: 0,
    parameters: 0,
    hotRows: layout.hotness.map(() => 0),
    lookAhead: 0,
  };
  const tables = layout.hotness.length;
  let touched = 0;
  for (let from = 0; from + batch <= rows; from += batch) {
    const ids = new Int32Array(batch * tables);
    for (let i = 0; i < batch; i++) {
      const at = (from + i) * stride + 1 + layout.denseFeatures;
      for (let t = 0; t < tables; t++) ids[i * tables + t] = storage.words[at + t];
    }
    touched += ids.length + 2 * distinctRowCount(shape, ids);
  }
  return touched * program.width * 4;
}

/**
 * Floating-point operations of the linear layers of one input, forward and backward: 2 per weight forward, 2 for the weight's
 * gradient and 2 for the input's, which layers that read the dense features do not need.
 */
export function linearFlops(program: Program): number {
  let flops = 0;
  for (const node of program.nodes) {
    if (node.op !== "linear") continue;
    const weight = program.params.find(({ name }) => name === node.params[0]);
    flops += elements(weight?.shape ?? []) * (node.inputs[0] === "dense" ? 4 : 6);
  }
  return flops;
}
