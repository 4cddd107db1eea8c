import type { RowLayout } from "../batch.js";
import { DivergedError } from "../errors.js";
import type { Network, NetworkInput } from "../network.js";
import type { Numbers } from "../ops/types.js";
import type { OptimizerDefinition, OptimizerSpec } from "../optimizers/types.js";
import type { Plan } from "../plan.js";
import type { Program } from "../program.js";
import type { Residency } from "../residency.js";
import type { Batch } from "../rows.js";
import { type Arena, type NumbersType, poolRows, updateRows } from "./arena.js";
import { distinctRows, sumGradients } from "./distinct.js";
import { type Meter, timed, timedAsync } from "./meter.js";

/** Deliberate breaks, for tests that prove that the exactness checks notice. */
export interface Faults {
  /** `mixed` reads rows from the host that a batch in flight is still updating. */
  readonly forwarding?: boolean;
  /** `hot` and `hybrid` do not mark the rows they update. */
  readonly dirty?: boolean;
  /** Rows travel without their optimizer state. */
  readonly state?: boolean;
}

/** Hot rows that exist on both sides: rows that one side has updated and the other has not seen. By device row. */
export interface HotCopies {
  readonly dirtyOnHost: Uint8Array;
  readonly dirtyOnDevice: Uint8Array;
}

/** Dense parameters and their optimizer state in the servers' host memory, by session name. */
export type ServerParameters = Map<string, Numbers>;

/** A session's memory and network: everything that routes work on. */
export interface Runtime {
  readonly program: Program;
  readonly plan: Plan;
  readonly residency: Residency;
  readonly numbers: NumbersType;
  readonly optimizer: { readonly definition: OptimizerDefinition; readonly spec: OptimizerSpec };
  readonly network: Network;
  readonly host: Arena;
  /** Hot rows of all tables, then slots for cold rows in flight (`mixed`). */
  readonly device: Arena;
  /** Row `id` of table t is row `hostBase[t] + id` of the host arena, `deviceBase[t] + id` of the device arena when hot. */
  readonly hostBase: readonly number[];
  readonly deviceBase: readonly number[];
  /** Device rows before the slots. */
  readonly hotTotal: number;
  /** Which copy of the hot rows counts: present when they exist twice. */
  readonly hotCopies: HotCopies | null;
  /** Dense parameters on the servers: present for route `server`. */
  readonly servers: ServerParameters | null;
  readonly faults: Faults;
  /** Optimizer steps done. */
  updates: number;
}

export interface TrainCall {
  readonly runtime: Runtime;
  readonly layout: RowLayout;
  readonly read: (batch: number) => Batch;
  readonly batches: Uint32Array;
  readonly learningRates: readonly number[];
  /** Receives the loss of each batch. */
  readonly losses: Float64Array;
  readonly meter: Meter;
}

export interface EvaluateCall {
  readonly runtime: Runtime;
  readonly layout: RowLayout;
  readonly read: (batch: number) => Batch;
  readonly batches: number;
  readonly meter: Meter;
  /** Receives the logits of each batch, in order. */
  readonly sink: (batch: Batch, logits: Numbers) => void;
}

/** How one kind of batch runs; `evaluate` is the same way without gradients and updates. */
export interface Route {
  train(call: TrainCall): Promise<void>;
  evaluate(call: EvaluateCall): Promise<void>;
}

/** Table of each of the ids of one step. */
export const tableOfId = (layout: RowLayout): Int32Array =>
  Int32Array.from(layout.hotness.flatMap((bag, table) => new Array<number>(bag).fill(table)));

/** Ids to arena rows: `base[table] + id`; -1 stays. */
export function arenaRows(ids: Int32Array, tables: Int32Array, base: readonly number[]): Int32Array {
  return ids.map((id, i) => (id < 0 ? -1 : base[tables[i % tables.length]] + id));
}

/** Pools the rows of a batch into a new array `[groups, T, D]`. */
export function gather(call: TrainCall | EvaluateCall, arena: Arena, rows: Int32Array): Numbers {
  const { hotness } = call.layout;
  const ids = hotness.reduce((sum, bag) => sum + bag, 0);
  const pooled = new call.runtime.numbers((rows.length / ids) * hotness.length * arena.width);
  timed(call.meter, "gather", () => poolRows(arena, rows, hotness, pooled));
  return pooled;
}

/**
 * Forward and backward of batch number k of the segment; notes its loss.
 * @returns dL/d pooled rows. @throws DivergedError when the loss is not finite; nothing was updated then.
 */
export async function step(call: TrainCall, k: number, input: NetworkInput, labels: Uint8Array): Promise<Numbers> {
  const { runtime, meter } = call;
  await breathe();
  const gradients = new runtime.numbers(input.rows.length);
  const { loss, forwardSeconds, backwardSeconds } = await runtime.network.step(input, labels, gradients);
  meter.seconds.forward += forwardSeconds;
  meter.seconds.backward += backwardSeconds;
  call.losses[k] = loss;
  if (!Number.isFinite(loss)) throw diverged(runtime, loss);
  return gradients;
}

/** Sums the row gradients of a batch and updates its distinct rows in one arena. */
export function updateTables(call: TrainCall, k: number, arena: Arena, rows: Int32Array, pooled: Numbers): void {
  const { runtime, layout, meter } = call;
  timed(meter, "update", () => {
    const distinct = distinctRows(rows);
    const sums = sumGradients(runtime.numbers, distinct, pooled, layout.hotness, arena.width);
    updateRows(arena, distinct.rows, sums, runtime.optimizer, call.learningRates[k], runtime.updates + 1);
  });
}

/** Updates the network's own parameters; ends a training step. */
export async function updateNetwork(call: TrainCall, k: number): Promise<void> {
  const { runtime, meter } = call;
  await timedAsync(meter, "update", () => runtime.network.update(call.learningRates[k], runtime.updates + 1));
  runtime.updates++;
}

/** One whole training step on the rows of one arena. */
export async function trainOn(
  call: TrainCall,
  k: number,
  arena: Arena,
  rows: Int32Array,
  input: Omit<NetworkInput, "rows">,
  labels: Uint8Array,
): Promise<void> {
  const gradients = await step(call, k, { ...input, rows: gather(call, arena, rows) }, labels);
  updateTables(call, k, arena, rows, gradients);
  await updateNetwork(call, k);
}

/** Logits of one batch from pooled rows. */
export async function forward(call: EvaluateCall, input: NetworkInput): Promise<Numbers> {
  await breathe();
  return timedAsync(call.meter, "forward", () => call.runtime.network.forward(input));
}

/** Lets timers and signals of the program in between batches: a network in JavaScript holds the thread until it is done. */
const breathe = (): Promise<void> => new Promise((resume) => setImmediate(resume));

function diverged(runtime: Runtime, loss: number): DivergedError {
  const norms = runtime.program.tables.map(({ name }, t) => ({ name, norm: largestRowNorm(runtime, t) }));
  const worst = norms.reduce((a, b) => (b.norm > a.norm ? b : a));
  const step = runtime.updates + 1;
  return new DivergedError(
    `The loss of step ${step} is ${loss}. The largest row norm is ${worst.norm}, in table '${worst.name}'.`,
    { fix: "Lower the learning rate or check the data.", details: { step, table: worst.name, norm: worst.norm, loss } },
  );
}

/** Largest Euclidean norm of a table's rows on either side; a norm that is no number counts as infinite. */
function largestRowNorm({ program, residency, host, device, hostBase, deviceBase }: Runtime, t: number): number {
  const norms = (arena: Arena, from: number, to: number) => {
    let largest = 0;
    for (let row = from; row < to; row++) {
      let square = 0;
      for (let i = row * arena.width; i < (row + 1) * arena.width; i++) square += arena.values[i] ** 2;
      if (!(square <= largest)) largest = Number.isNaN(square) ? Number.POSITIVE_INFINITY : square;
    }
    return largest;
  };
  const onHost = norms(host, hostBase[t] + residency.hostFrom[t], hostBase[t] + program.tables[t].rows);
  const onDevice = norms(device, deviceBase[t], deviceBase[t] + residency.hotRows[t]);
  return Math.sqrt(Math.max(onHost, onDevice));
}
