import { type BatchSource, idsPerStep, noRow, strideBytes, strideWords } from "./batch.js";
import { checkArguments, checkOptions } from "./check-call.js";
import { dataKinds } from "./data-kinds.js";
import { ConfigError, DataError, DisposedError } from "./errors.js";
import { openInput } from "./files.js";
import { is } from "./kinds.js";
import { permutation } from "./random.js";

/** Decoded inputs of one batch; S' = max(1, S), sumL = ids per step. */
export interface Batch {
  readonly number: number;
  /** B, or fewer for the last batch of a source. */
  readonly inputs: number;
  /** `[inputs, S', F]`; `int32-log1p` is already applied. */
  readonly dense: Float32Array;
  /** `[inputs, S', sumL]`, table by table; -1 is no row. */
  readonly ids: Int32Array;
  /** 0 or 1. */
  readonly labels: Uint8Array;
}

/** Reads a source batch by batch. Owns the file: close it. */
export interface RowReader extends Disposable {
  readonly source: BatchSource;
  /** ceil(rows / batch). */
  readonly batches: number;
  /**
   * @param epoch picks the permutation when the source is shuffled; null reads rows in file order whatever the source says.
   * @throws DataError naming source, row and found value for a label, count or id out of range, and a dense value that is NaN or infinite.
   */
  read(batch: number, epoch: number | null): Batch;
  close(): void;
}

export interface RowReaderOptions {
  /** B. */
  readonly batch: number;
  /** In id order of the layout: ids are checked against `rows`. Absent: ids are only checked to be at least -1. */
  readonly tables?: readonly { readonly name: string; readonly rows: number }[];
}

/**
 * Opens a source for JavaScript engines; reads are synchronous. Shares no data with the source's memory except to copy.
 * @throws DataError when the size of the data is not rows x stride, ConfigError when `batch` is out of range.
 */
export function openRows(source: BatchSource, options: RowReaderOptions): RowReader {
  checkArguments("openRows", { source: [source, dataKinds.rows] });
  checkOptions<RowReaderOptions>("openRows", options, { batch: is.any, tables: is.maybe(dataKinds.tables) });
  const { batch, tables } = options;
  if (!Number.isSafeInteger(batch) || batch < 1)
    throw new ConfigError(`Batch size must be a positive integer, found ${batch}.`, {
      fix: "Use at least 1.",
      details: { option: "batch", found: batch },
    });
  if (tables && tables.length !== source.layout.hotness.length)
    throw new DataError(
      `Source '${source.name}' has ids of ${source.layout.hotness.length} tables, the model has ${tables.length}.`,
      {
        fix: "Use the model that fits the data.",
        details: { found: source.layout.hotness.length, expected: tables.length },
      },
    );
  const reader = source.storage.kind === "file" ? fileWords(source, source.storage.path) : memoryWords(source);
  const decode = decoder(source, tables);
  const order = rowOrder(source);
  let isOpen = true;
  const close = () => {
    if (isOpen) reader.close();
    isOpen = false;
  };
  const batches = Math.ceil(source.rows / batch);
  return {
    source,
    batches,
    read(number, epoch) {
      if (!isOpen) throw new DisposedError(`Source '${source.name}' is closed.`, { fix: "Open it again." });
      if (!Number.isInteger(number) || number < 0 || number >= batches)
        throw new DataError(`Source '${source.name}' has no batch ${number}: it has ${batches} of ${batch} inputs.`, {
          fix: `Use batch numbers 0..${batches - 1}.`,
          details: { source: source.name, found: number, batches },
        });
      const from = number * batch;
      const inputs = Math.min(batch, source.rows - from);
      const rowAt = order(epoch);
      const words = new Int32Array(inputs * strideWords(source.layout));
      if (rowAt) for (let i = 0; i < inputs; i++) reader.copy(words, i, rowAt(from + i), 1);
      else reader.copy(words, 0, from, inputs);
      return decode(number, inputs, words, (i) => (rowAt ? rowAt(from + i) : from + i));
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** Row at a position of an epoch; null keeps the file's order. */
function rowOrder(source: BatchSource): (epoch: number | null) => ((position: number) => number) | null {
  let last: { epoch: number; rowAt: (position: number) => number } | null = null;
  return (epoch) => {
    if (epoch === null || source.shuffleSeed === null) return null;
    if (last?.epoch !== epoch) last = { epoch, rowAt: permutation(source.rows, source.shuffleSeed, epoch) };
    return last.rowAt;
  };
}

interface Words {
  /** Copies `count` rows from `row` on to position `at` (in rows) of `out`. */
  copy(out: Int32Array, at: number, row: number, count: number): void;
  close(): void;
}

function memoryWords({ name, layout, rows, storage }: BatchSource): Words {
  const words = storage.kind === "memory" ? storage.words : new Uint32Array(0);
  const stride = strideWords(layout);
  if (words.length !== rows * stride)
    throw new DataError(
      `Source '${name}' has ${words.length} words, but ${rows} rows of ${stride} words are ${rows * stride}.`,
      { fix: "Correct `rows` or `layout`.", details: { source: name, found: words.length, expected: rows * stride } },
    );
  return {
    copy: (out, at, row, count) => out.set(words.subarray(row * stride, (row + count) * stride), at * stride),
    close: () => {},
  };
}

function fileWords({ name, layout, rows }: BatchSource, path: string): Words {
  const file = openInput(path, `source '${name}'`);
  const stride = strideBytes(layout);
  if (file.bytes !== rows * stride) {
    file.close();
    throw new DataError(
      `File '${path}' of source '${name}' has ${file.bytes} bytes, but ${rows} rows of ${stride} bytes are ${rows * stride}.`,
      {
        fix: "The file was cut or belongs to other data: prepare it again.",
        details: { path, found: file.bytes, expected: rows * stride },
      },
    );
  }
  return {
    copy: (out, at, row, count) =>
      file.read(new Uint8Array(out.buffer, out.byteOffset + at * stride, count * stride), row * stride),
    close: file.close,
  };
}

function decoder(source: BatchSource, tables: RowReaderOptions["tables"]) {
  const { layout } = source;
  const steps = Math.max(1, layout.steps);
  const stride = strideWords(layout);
  const idCount = idsPerStep(layout);
  const tableOf = layout.hotness.flatMap((count, table) => new Array<number>(count).fill(table));
  const limits = Int32Array.from(tableOf, (table) => (tables ? Math.min(tables[table].rows, 0x7fffffff) : 0x7fffffff));
  const where = source.storage.kind === "file" ? `File '${source.storage.path}'` : `Source '${source.name}'`;
  const fail = (row: number, what: string, details: Record<string, unknown>): never => {
    throw new DataError(`${where}, row ${row}: ${what}.`, {
      fix: "The data do not fit the model or are broken: prepare them again.",
      details: {
        source: source.name,
        ...(source.storage.kind === "file" && { path: source.storage.path }),
        row,
        ...details,
      },
    });
  };
  return (number: number, inputs: number, words: Int32Array, rowAt: (i: number) => number): Batch => {
    const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
    const labels = new Uint8Array(inputs);
    const dense = new Float32Array(inputs * steps * layout.denseFeatures);
    const ids = new Int32Array(inputs * steps * idCount);
    let denseAt = 0;
    let idAt = 0;
    for (let i = 0; i < inputs; i++) {
      let at = i * stride;
      const label = words[at++];
      if (label !== 0 && label !== 1) fail(rowAt(i), `the label is ${label}, expected 0 or 1`, { found: label });
      labels[i] = label;
      for (let step = 0; step < steps; step++) {
        for (let f = 0; f < layout.denseFeatures; f++, at++) {
          if (layout.denseEncoding === "float32") {
            if (!Number.isFinite(floats[at]))
              fail(rowAt(i), `dense feature ${f} is ${floats[at]}, expected a finite number`, {
                found: String(floats[at]),
              });
            dense[denseAt++] = floats[at];
          } else {
            if (words[at] < 0)
              fail(rowAt(i), `dense feature ${f} is ${words[at]}, expected a count of at least 0`, {
                found: words[at],
              });
            dense[denseAt++] = Math.log(Math.fround(Math.fround(words[at]) + 1));
          }
        }
        for (let l = 0; l < idCount; l++, at++) {
          const id = words[at];
          if (id < noRow || id >= limits[l]) {
            const table = tables?.[tableOf[l]].name ?? `${tableOf[l]}`;
            fail(rowAt(i), `table '${table}' has no row ${id}, expected -1 (none) or 0..${limits[l] - 1}`, {
              table,
              found: id,
              cardinality: limits[l],
            });
          }
          ids[idAt++] = id;
        }
      }
    }
    return { number, inputs, dense, ids, labels };
  };
}
