import type { Traffic } from "../engine.js";
import { OutOfMemoryError } from "../errors.js";
import type { Numbers } from "../ops/types.js";
import type { OptimizerDefinition, OptimizerSpec, StateSlot } from "../optimizers/types.js";
import { countValues, type Direction, type Meter } from "./meter.js";

/** Numbers that tables, state and gradients are made of: float64 for the reference, float32 for other engines. */
export type NumbersType = Float64ArrayConstructor | Float32ArrayConstructor;

/** Rows of all tables in one place, host or device, with their optimizer state: row r holds values `[r * D, (r + 1) * D)`. */
export interface Arena {
  readonly rows: number;
  readonly width: number;
  readonly values: Numbers;
  readonly state: readonly { readonly name: string; readonly perRow: number; readonly values: Numbers }[];
}

/** Row numbers are int32. */
const maxRows = 0x7fffffff;

/** @throws OutOfMemoryError when the rows do not fit. */
export function newArena(numbers: NumbersType, rows: number, width: number, slots: readonly StateSlot[]): Arena {
  try {
    if (rows > maxRows) throw new RangeError(`Row numbers end at ${maxRows}.`);
    return {
      rows,
      width,
      values: new numbers(rows * width),
      state: slots.map(({ name, perRow }) => ({
        name,
        perRow: perRow || width,
        values: new numbers(rows * (perRow || width)),
      })),
    };
  } catch (cause) {
    const values = slots.reduce((sum, slot) => sum + (slot.perRow || width), width);
    const needBytes = rows * values * numbers.BYTES_PER_ELEMENT;
    throw new OutOfMemoryError(
      `${rows} rows with their optimizer state need ${needBytes} bytes in JavaScript arrays.`,
      {
        fix: "Use the cpu engine for tables of this size.",
        details: { needBytes, rows },
        cause,
      },
    );
  }
}

export const arenaBytes = (arena: Arena): number =>
  arena.values.byteLength + arena.state.reduce((sum, slot) => sum + slot.values.byteLength, 0);

/** Values of optimizer state per row. */
export const stateWidth = (arena: Arena): number => arena.state.reduce((sum, slot) => sum + slot.perRow, 0);

const copyRow = (from: Numbers, fromRow: number, to: Numbers, toRow: number, width: number): void => {
  for (let i = 0; i < width; i++) to[toRow * width + i] = from[fromRow * width + i];
};

/** Kinds under which a copy is counted; `state: null` leaves the optimizer state behind. */
export interface CopyKinds {
  readonly rows: Traffic;
  readonly state: Traffic | null;
}

/** Copies one row with its optimizer state between two arenas and counts it. */
export function moveRow(
  meter: Meter,
  direction: Direction,
  kinds: CopyKinds,
  from: Arena,
  fromRow: number,
  to: Arena,
  toRow: number,
): void {
  copyRow(from.values, fromRow, to.values, toRow, from.width);
  countValues(meter, kinds.rows, direction, from.width);
  if (kinds.state === null) return;
  from.state.forEach(({ perRow, values }, slot) => {
    copyRow(values, fromRow, to.state[slot].values, toRow, perRow);
  });
  countValues(meter, kinds.state, direction, stateWidth(from));
}

/**
 * Pooling: `out[g, t]` = sum of the rows of group g's bag of table t, in bag order; zeros for an empty bag.
 * @param arenaRows `[groups, sumL]` row numbers of the arena, negative for none; @param hotness L per table; @param out `[groups, T, D]`.
 */
export function poolRows(arena: Arena, arenaRows: Int32Array, hotness: readonly number[], out: Numbers): void {
  const { width, values } = arena;
  let at = 0;
  let target = 0;
  while (at < arenaRows.length)
    for (const bag of hotness) {
      let isEmpty = true;
      for (let l = 0; l < bag; l++) {
        const row = arenaRows[at++];
        if (row < 0) continue;
        const from = row * width;
        if (isEmpty) for (let i = 0; i < width; i++) out[target + i] = values[from + i];
        else for (let i = 0; i < width; i++) out[target + i] += values[from + i];
        isEmpty = false;
      }
      if (isEmpty) out.fill(0, target, target + width);
      target += width;
    }
}

/** One optimizer step on each of `rows`; `gradients` is `[rows.length, D]`, summed over the batch. */
export function updateRows(
  arena: Arena,
  rows: Int32Array,
  gradients: Numbers,
  optimizer: { readonly definition: OptimizerDefinition; readonly spec: OptimizerSpec },
  learningRate: number,
  step: number,
): void {
  const { width } = arena;
  rows.forEach((row, i) => {
    optimizer.definition.updateRow({
      weights: arena.values.subarray(row * width, (row + 1) * width),
      gradient: gradients.subarray(i * width, (i + 1) * width),
      state: arena.state.map(({ perRow, values }) => values.subarray(row * perRow, (row + 1) * perRow)),
      learningRate,
      step,
      spec: optimizer.spec,
    });
  });
}
