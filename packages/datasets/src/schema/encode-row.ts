import { idsPerStep, noRow, type RowLayout, strideWords } from "@fae/core";
import { type ColumnPlan, columnsRead, type Purpose } from "./columns-read.js";
import { type DenseReader, denseReader } from "./dense-column.js";
import { labelReader } from "./label.js";
import type { LogSchema } from "./log-schema.js";
import { type RowBlock, type RowProblem, type RowReason, shorten, textOf } from "./row-block.js";
import { type Elements, type TableReader, tableReader } from "./table-column.js";
import type { TableIds } from "./table-ids.js";
import { timeReader } from "./time.js";

/** Layout of the rows that a schema gives. Rows without a dense column have one that is always 1: DLRM needs an input. */
export function layoutOf({ dense, tables, steps }: LogSchema): RowLayout {
  return {
    denseFeatures: Math.max(1, dense.length),
    denseEncoding: isCounts(dense) ? "int32-log1p" : "float32",
    steps,
    hotness: tables.map(({ list }) => list?.most ?? 1),
  };
}

/** Integers that all go through log(x + 1) stay integers: the logarithm is taken when they are read. */
const isCounts = (dense: LogSchema["dense"]): boolean =>
  dense.length > 0 && dense.every(({ type, transform }) => type === "integer" && transform === "log1p");

/** What a row has besides the words of its input. */
export interface RowExtras {
  /** Seconds since 1970; NaN where the schema has no time. */
  time: number;
  /** Place of the split in train, val, test; -1 where something else decides. */
  split: number;
  /** First byte and the byte after it of the group. */
  readonly group: Int32Array;
}

const splitNames = ["train", "val", "test"] as const;

/** Turns rows of text into words of a prepared data set. */
export class RowEncoder {
  readonly layout: RowLayout;
  readonly stride: number;
  readonly plan: ColumnPlan;
  readonly extras: RowExtras = { time: Number.NaN, split: -1, group: new Int32Array([-1, -1]) };
  readonly #dense: readonly DenseReader[];
  readonly #tables: readonly TableReader[];
  readonly #found: readonly Elements[];
  readonly #label: (bytes: Uint8Array, start: number, end: number) => number;
  readonly #time: (text: string) => number;
  readonly #splits: ReadonlyMap<string, number>;
  readonly #missing: ReadonlySet<string>;
  readonly #values: Float64Array;
  readonly #perStep: number;
  #problem: RowProblem | null = null;

  constructor(
    private readonly schema: LogSchema,
    purpose: Purpose,
    private readonly ids: readonly TableIds[],
  ) {
    this.layout = layoutOf(schema);
    this.stride = strideWords(this.layout);
    this.plan = columnsRead(schema, purpose);
    this.#dense = schema.dense.map((column) => denseReader(column, schema.steps, this.layout.denseEncoding));
    this.#tables = schema.tables.map((table) => tableReader(table, schema.steps));
    this.#found = schema.tables.map(() => ({ count: 0, ranges: new Int32Array(32) }));
    this.#label = labelReader(schema.label);
    this.#time = timeReader(schema.time?.format ?? "iso");
    this.#missing = new Set(schema.missing);
    const { split } = schema;
    const values = split.by === "column" ? splitNames.map((name) => split[name] ?? []) : [];
    this.#splits = new Map(values.flatMap((found, i) => found.map((value) => [value, i] as const)));
    this.#values = new Float64Array(Math.max(1, schema.steps));
    this.#perStep = this.layout.denseFeatures + idsPerStep(this.layout);
  }

  /**
   * Writes the words of a row of a block at `at`; `extras` are then those of the row. Only a row that is taken adds keys.
   * @returns why the row is rejected, null when it is taken
   */
  encode(block: RowBlock, row: number, words: Int32Array, floats: Float32Array, at: number): RowProblem | null {
    const cells = 2 * row * this.plan.columns.length;
    this.#problem = null;
    if (this.#missing.size > 0) this.#clearMissing(block, cells);
    const isTaken =
      this.#takeLabel(block, cells, words, at) &&
      this.#takeExtras(block, cells) &&
      this.#takeDense(block, cells, words, floats, at) &&
      this.#findElements(block, cells);
    if (!isTaken) return this.#problem;
    this.#takeIds(block.bytes, words, at);
    return null;
  }

  #clearMissing({ bytes, cells }: RowBlock, from: number): void {
    for (let c = 0; c < this.plan.columns.length; c++) {
      const at = from + 2 * c;
      if (
        cells[at] >= 0 &&
        cells[at + 1] - cells[at] < 32 &&
        this.#missing.has(textOf(bytes, cells[at], cells[at + 1]))
      )
        cells[at] = -1;
    }
  }

  #fail(block: RowBlock, cells: number, column: number, reason: RowReason): false {
    const at = cells + 2 * column;
    const [start, end] = [block.cells[at], block.cells[at + 1]];
    const found = start < 0 ? "" : shorten(textOf(block.bytes, start, end));
    this.#problem = { reason, column: this.plan.columns[column].name, found };
    return false;
  }

  #takeLabel(block: RowBlock, cells: number, words: Int32Array, at: number): boolean {
    const column = this.plan.label;
    words[at] = 0;
    if (column < 0) return true;
    const start = block.cells[cells + 2 * column];
    if (start < 0) return this.#fail(block, cells, column, "missing-value");
    const label = this.#label(block.bytes, start, block.cells[cells + 2 * column + 1]);
    words[at] = label;
    return label >= 0 || this.#fail(block, cells, column, "bad-label");
  }

  #takeExtras(block: RowBlock, cells: number): boolean {
    const { time, group, split } = this.plan;
    const { extras } = this;
    if (time >= 0) {
      const [start, end] = [block.cells[cells + 2 * time], block.cells[cells + 2 * time + 1]];
      if (start < 0) return this.#fail(block, cells, time, "missing-value");
      extras.time = this.#time(textOf(block.bytes, start, end));
      if (Number.isNaN(extras.time)) return this.#fail(block, cells, time, "bad-time");
    }
    if (group >= 0) {
      extras.group[0] = block.cells[cells + 2 * group];
      extras.group[1] = block.cells[cells + 2 * group + 1];
    }
    if (split >= 0) {
      const [start, end] = [block.cells[cells + 2 * split], block.cells[cells + 2 * split + 1]];
      extras.split = this.#splits.get(start < 0 ? "" : textOf(block.bytes, start, end)) ?? -1;
      if (extras.split < 0) return this.#fail(block, cells, split, "unknown-split");
    }
    return true;
  }

  #takeDense(block: RowBlock, cells: number, words: Int32Array, floats: Float32Array, at: number): boolean {
    const { steps } = this.schema;
    const isCount = this.layout.denseEncoding === "int32-log1p";
    if (this.#dense.length === 0) for (let s = 0; s < Math.max(1, steps); s++) floats[at + 1 + s * this.#perStep] = 1;
    for (let f = 0; f < this.#dense.length; f++) {
      const read = this.#dense[f];
      const column = this.plan.dense[f];
      const cell = cells + 2 * column;
      const reason =
        column < 0
          ? read.time(this.extras.time, this.#values)
          : read.cell(block.bytes, block.cells[cell], block.cells[cell + 1], this.#values);
      if (reason) return this.#fail(block, cells, column < 0 ? this.plan.time : column, reason);
      for (let s = 0; s < Math.max(1, steps); s++) {
        const word = at + 1 + s * this.#perStep + f;
        const value = this.#values[read.isSequence ? s : 0];
        if (isCount) words[word] = value;
        else floats[word] = value;
      }
    }
    return true;
  }

  #findElements(block: RowBlock, cells: number): boolean {
    for (let t = 0; t < this.#tables.length; t++) {
      const column = this.plan.tables[t];
      if (column < 0) continue;
      const cell = cells + 2 * column;
      const reason = this.#tables[t].elements(block.bytes, block.cells[cell], block.cells[cell + 1], this.#found[t]);
      if (reason) return this.#fail(block, cells, column, reason);
    }
    return true;
  }

  #takeIds(bytes: Uint8Array, words: Int32Array, at: number): void {
    const { hotness } = this.layout;
    const steps = Math.max(1, this.schema.steps);
    let word = at + 1 + this.layout.denseFeatures;
    for (let t = 0; t < this.#tables.length; t++) {
      const ids = this.ids[t];
      const bag = hotness[t];
      const { count, ranges } = this.#found[t];
      const isTime = this.plan.tables[t] < 0;
      for (let s = 0; s < steps; s++) {
        const from = word + s * this.#perStep;
        if (isTime) words[from] = this.#tables[t].timeId(this.extras.time);
        else if (bag > 1 || this.schema.tables[t].list) {
          for (let l = 0; l < bag; l++)
            words[from + l] = l < count ? ids.idOf(bytes, ranges[2 * l], ranges[2 * l + 1]) : noRow;
        } else {
          const i = this.#tables[t].isSequence ? s : 0;
          words[from] = ids.idOf(bytes, ranges[2 * i], ranges[2 * i + 1]);
        }
      }
      word += bag;
    }
  }
}
