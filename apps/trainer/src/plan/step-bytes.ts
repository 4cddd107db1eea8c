import {
  type BatchIds,
  type BatchIndex,
  type Bytes,
  openRows,
  type Plan,
  type PreparedData,
  predictTraffic,
  type RouteName,
  type Strategy,
  switchBytes,
  type TrafficShape,
  trainingBytes,
} from "@fae/core";
import { toBatchSource } from "@fae/datasets";
import type { TrainOptions } from "../train/options.js";
import { addBytes } from "../train/totals.js";
import type { HotFigures } from "./hot-figures.js";

/** Bytes that training will move between host and device, evaluations left out. */
export interface StepBytes {
  /** Batches of an epoch. */
  readonly steps: number;
  /** Mean of an epoch's batches; switches come on top. */
  readonly perStep: Bytes;
  /** Batches whose ids were looked at; 0 where the bytes do not depend on ids. All of `steps`: exact. */
  readonly measuredSteps: number;
  /** Bytes of the first switch to hot batches: every hot row with its state. Later ones move the touched rows only. */
  readonly firstSwitch: number;
}

export interface StepBytesInput {
  readonly data: PreparedData;
  readonly options: Pick<TrainOptions, "batch" | "seed" | "shuffle" | "segmentBatches">;
  readonly strategy: Strategy;
  readonly plan: Plan;
  readonly shape: Omit<TrafficShape, "hotRows" | "layout">;
  readonly hot: HotFigures | null;
}

/** Inputs whose ids are looked at, and the fewest batches. */
const mostInputs = 2 ** 17;
const fewestBatches = 8;

/** Predicts an epoch from the sizes and, where routes move distinct rows, from the ids of batches in training order. */
export function predictStepBytes(input: StepBytesInput): StepBytes {
  const { data, options, strategy, plan, hot } = input;
  const inputs = data.splits.train?.rows ?? 0;
  const batchesOf = (rows: number) => Math.ceil(rows / options.batch);
  const shape: TrafficShape = { ...input.shape, layout: data.layout, hotRows: data.layout.hotness.map(() => 0) };
  const epoch = (route: RouteName, rows: number) =>
    trainingBytes(route, shape, { inputs: rows, distinctRows: 0, fetchedRows: 0, writtenRows: 0 });
  const over = (bytes: Bytes, batches: number) => scaled(bytes, 1 / Math.max(1, batches));
  if (strategy.reads === "hot-and-cold") {
    const hotInputs = Math.round(inputs * (hot?.inputShare ?? 0));
    const bytes = epoch("hot", hotInputs);
    addBytes(bytes, epoch("hybrid", inputs - hotInputs));
    const steps = batchesOf(hotInputs) + batchesOf(inputs - hotInputs);
    const hotRows = (hot?.hotRows ?? []).reduce((sum, rows) => sum + rows, 0);
    return { steps, perStep: over(bytes, steps), measuredSteps: 0, firstSwitch: switchBytes(shape, hotRows) };
  }
  const steps = batchesOf(inputs);
  const [route] = plan.routes;
  if (route !== "server" && route !== "mixed")
    return { steps, perStep: over(epoch(route, inputs), steps), measuredSteps: 0, firstSwitch: 0 };
  const { bytes, batches } = measure(input, shape, route, steps);
  return { steps, perStep: over(bytes, batches), measuredSteps: batches, firstSwitch: 0 };
}

/** Follows the order through the first batches of training. */
function measure(
  { data, options, strategy, plan, hot }: StepBytesInput,
  shape: TrafficShape,
  route: RouteName,
  steps: number,
) {
  const { batch, seed, shuffle, segmentBatches } = options;
  const shuffleSeed = shuffle === "total" ? seed : null;
  const source = toBatchSource(data, "train", { shuffleSeed });
  const tables = data.layout.hotness.flatMap((bag, t) => new Array<number>(bag).fill(t));
  const isHot = (id: number, i: number) => id >= 0 && hot !== null && hot.isHot(tables[i % tables.length], id);
  const most = Math.max(fewestBatches, Math.floor(mostInputs / batch));
  const index: BatchIndex = {
    train: { name: "train", rows: source.rows, batches: steps },
    epochs: 1,
    segmentBatches,
    shuffle,
  };
  using reader = openRows(source, { batch, tables: data.tables });
  const bytes = trainingBytes("host", shape, { inputs: 0, distinctRows: 0, fetchedRows: 0, writtenRows: 0 });
  let batches = 0;
  const order = strategy.order(index, plan, seed);
  for (let step = order.next(); !step.done && batches < most; step = order.next({})) {
    const segment = step.value;
    if (segment.kind === "test") continue;
    const read = Array.from(segment.batches.subarray(0, most - batches), (number): BatchIds => {
      const { inputs, ids } = reader.read(number, segment.epoch);
      // What is left of a mixed batch is cold, in whatever order the ids are.
      return { inputs, ids: route === "mixed" ? ids.map((id, i) => (isHot(id, i) ? -1 : id)) : ids };
    });
    addBytes(bytes, predictTraffic(route, shape, read, "train").bytes);
    batches += read.length;
  }
  return { bytes, batches };
}

function scaled(bytes: Bytes, factor: number): Bytes {
  const of = ({ toDevice, toHost }: Bytes["rows"]) => ({ toDevice: toDevice * factor, toHost: toHost * factor });
  return {
    inputs: of(bytes.inputs),
    rows: of(bytes.rows),
    rowState: of(bytes.rowState),
    parameters: of(bytes.parameters),
    switch: of(bytes.switch),
  };
}
