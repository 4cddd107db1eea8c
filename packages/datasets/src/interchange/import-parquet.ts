import {
  ConfigError,
  checkOptions,
  DataError,
  type DenseEncoding,
  expectFile,
  type PreparedData,
  type RowLayout,
  strideWords,
} from "@fae/core";
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type DecodedArray,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
} from "hyparquet";
import { z } from "zod";
import { importParquetKinds } from "../call-kinds.js";
import { manifestSchema } from "../manifest.js";
import { filesOf, isGlob } from "../schema/glob.js";
import { layoutKey } from "./export-parquet.js";
import { type ImportSplit, importRows } from "./import-rows.js";
import { checkColumn, groupRows } from "./parquet-bounds.js";
import { type Column, columnsOf } from "./parquet-columns.js";
import { compressors, hasZstd } from "./parquet-compression.js";

/** What the columns of a foreign Parquet file mean. */
export interface ParquetColumns {
  /** 0 or 1; integer or boolean. */
  readonly label: string;
  readonly dense: readonly string[];
  /** Integer columns of ids, one a table. */
  readonly tables: readonly string[];
  /** `int32-log1p` (default): raw counts, `log(x + 1)` is applied when they are read. `float32`: used as they are. */
  readonly denseEncoding?: DenseEncoding;
  /** Cardinalities; default: largest id of the files + 1. */
  readonly tableRows?: readonly number[];
}

export interface ImportParquetOptions {
  /** Files or globs of each split; several are read one after the other. */
  readonly files: {
    readonly train: string | readonly string[];
    readonly val?: string | readonly string[];
    readonly test?: string | readonly string[];
  };
  readonly directory: string;
  /** Needed for files that `exportParquet` did not write. */
  readonly columns?: ParquetColumns;
}

const descriptionSchema = z.object({
  source: manifestSchema.shape.source,
  layout: manifestSchema.shape.layout,
  dense: z.array(z.string()),
  tables: z.array(z.object({ name: z.string(), rows: z.int().positive() })),
});

interface Description extends z.infer<typeof descriptionSchema> {
  /** Name of each column in the file. */
  readonly columns: readonly Column[];
}

interface ParquetFile {
  readonly split: ImportSplit;
  readonly path: string;
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
}

/**
 * Imports rows from Parquet: files of `exportParquet` as they are, others by a description of their columns. Memory: one row
 * group.
 * @throws DataError naming file, column, row and value; ConfigError when a description is needed.
 */
export async function importParquet(options: ImportParquetOptions): Promise<PreparedData> {
  checkOptions<ImportParquetOptions>("importParquet", options, importParquetKinds);
  const { files, directory, columns } = options;
  const opened: ParquetFile[] = [];
  for (const split of ["train", "val", "test"] as const) {
    for (const path of pathsOf(files[split])) opened.push({ split, path, ...(await openParquet(path)) });
  }
  const description = columns ? await described(opened, columns) : embedded(opened[0]);
  const { layout, tables, source } = description;
  const paths = opened.map(({ path }) => path);
  const target = { directory, source, layout, tables, files: paths, options: { importedFrom: "parquet" } };
  return importRows(target, async (intake) => {
    for (const file of opened) {
      await eachGroup(file, description.columns, (read, firstRow) =>
        intake.write(file.split, rowsOf(file.path, layout, description.columns, read, firstRow)),
      );
    }
  });
}

/** @throws DataError when a glob matches nothing */
function pathsOf(given: string | readonly string[] = []): string[] {
  return [given].flat().flatMap((pattern) => {
    if (!isGlob(pattern)) return [pattern];
    const found = filesOf(pattern, process.cwd());
    if (found.length > 0) return found;
    throw new DataError(`No file matches '${pattern}'.`, { fix: "Check the path.", details: { path: pattern } });
  });
}

async function openParquet(path: string): Promise<{ buffer: AsyncBuffer; metadata: FileMetaData }> {
  expectFile(path);
  try {
    const buffer = await asyncBufferFromFile(path);
    return { buffer, metadata: await parquetMetadataAsync(buffer) };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/** The description that `exportParquet` puts into its files. */
function embedded({ path, metadata }: ParquetFile): Description {
  const value = metadata.key_value_metadata?.find(({ key }) => key === layoutKey)?.value;
  if (value === undefined) {
    throw new ConfigError(`'${path}' does not say what its columns mean.`, {
      fix: "Give columns: label, dense and tables.",
      details: { option: "columns", path },
    });
  }
  const parsed = descriptionSchema.safeParse(parsedJson(path, value));
  if (!parsed.success) throw unreadable(path, z.prettifyError(parsed.error).replaceAll("\n", " "));
  const { layout, dense, tables } = parsed.data;
  const isWhole = dense.length === layout.denseFeatures && tables.length === layout.hotness.length;
  if (!isWhole || strideWords(layout) > metadata.schema.length)
    throw unreadable(path, `its ${layoutKey} does not describe its ${metadata.schema.length - 1} columns`);
  return {
    ...parsed.data,
    columns: columnsOf(
      layout,
      dense,
      tables.map(({ name }) => name),
    ),
  };
}

function parsedJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unreadable(path, `its ${layoutKey} is not JSON: ${(cause as Error).message}`);
  }
}

async function described(files: readonly ParquetFile[], columns: ParquetColumns): Promise<Description> {
  const { label, dense, tables: names, denseEncoding = "int32-log1p", tableRows } = columns;
  const hotness = names.map(() => 1);
  // Without a dense column there is one that is always 1: DLRM needs an input.
  const layout: RowLayout =
    dense.length > 0
      ? { denseFeatures: dense.length, denseEncoding, steps: 0, hotness }
      : { denseFeatures: 1, denseEncoding: "float32", steps: 0, hotness };
  const all = columnsOf(layout, dense.length > 0 ? dense : ["one"], names)
    .filter(({ kind }) => kind !== "dense" || dense.length > 0)
    .map((column) => (column.kind === "label" ? { ...column, name: label } : column));
  const rows = tableRows ? [...tableRows] : names.map(() => 1);
  if (rows.length !== names.length) {
    throw new ConfigError(`Option columns.tableRows has ${rows.length} entries, expected ${names.length}.`, {
      details: { option: "columns.tableRows", found: rows.length, expected: names.length },
    });
  }
  if (!tableRows) {
    const ids = all.filter(({ kind }) => kind === "id");
    for (const file of files) {
      await eachGroup(file, ids, (read) => {
        for (const [t, { name }] of ids.entries())
          for (const id of read(name)) rows[t] = Math.max(rows[t], Number(id) + 1);
      });
    }
  }
  const tables = names.map((name, t) => ({ name, rows: rows[t] }));
  return {
    source: "custom",
    layout: { ...layout, hotness: [...layout.hotness] },
    dense: [...dense],
    tables,
    columns: all,
  };
}

type ReadColumn = (name: string) => DecodedArray;

/** Decodes the named columns row group by row group. */
async function eachGroup(
  { path, buffer, metadata }: ParquetFile,
  columns: readonly Column[],
  use: (read: ReadColumn, firstRow: number) => void,
): Promise<void> {
  const present = new Set(metadata.schema.map(({ name }) => name));
  const missing = columns.find(({ name }) => !present.has(name));
  if (missing) {
    throw new DataError(`'${path}' has no column '${missing.name}'.`, {
      fix: `It has ${[...present].slice(1, 60).join(", ")}.`,
      details: { path, column: missing.name },
    });
  }
  const names = columns.map(({ name }) => name);
  let start = 0;
  for (const [number, group] of metadata.row_groups.entries()) {
    const chunks = new Map<string, DecodedArray[]>(names.map((name) => [name, []]));
    let end = start;
    try {
      end += groupRows(group, columns.length);
      await checkColumns({ path, buffer, metadata }, number, names, end - start);
      await parquetRead({
        file: buffer,
        metadata,
        columns: names,
        rowStart: start,
        rowEnd: end,
        compressors,
        onChunk: ({ columnName, columnData }) => chunks.get(columnName)?.push(columnData),
      });
    } catch (cause) {
      throw unreadable(path, cause, number);
    }
    use((name) => {
      const data = joined(chunks.get(name) ?? []);
      if (data.length === end - start) return data;
      throw unreadable(path, `column '${name}' has ${data.length} of ${end - start} values`, number);
    }, start);
    start = end;
  }
}

/** Holds what the pages of a row group state against its rows. */
async function checkColumns(
  { buffer, metadata }: Pick<ParquetFile, "path" | "buffer" | "metadata">,
  group: number,
  names: readonly string[],
  rows: number,
): Promise<void> {
  for (const { meta_data } of metadata.row_groups[group].columns) {
    const [name] = meta_data?.path_in_schema ?? [];
    if (!meta_data || !names.includes(name)) continue;
    const element = metadata.schema.find((entry) => entry.name === name);
    if (meta_data.path_in_schema.length > 1 || element?.repetition_type === "REPEATED")
      throw new RangeError(`column '${name}' is nested`);
    const from = Number(meta_data.dictionary_page_offset || meta_data.data_page_offset);
    const bytes = await buffer.slice(from, from + Number(meta_data.total_compressed_size));
    try {
      checkColumn(bytes, meta_data, rows, element?.repetition_type === "OPTIONAL");
    } catch (cause) {
      throw new RangeError(`column '${name}': ${(cause as Error).message}`, { cause });
    }
  }
}

const joined = (chunks: readonly DecodedArray[]): DecodedArray =>
  chunks.length === 1 ? chunks[0] : chunks.flatMap((chunk) => Array.from(chunk as ArrayLike<unknown>));

function rowsOf(
  path: string,
  layout: RowLayout,
  columns: readonly Column[],
  read: ReadColumn,
  firstRow: number,
): Int32Array {
  const stride = strideWords(layout);
  const data = columns.map(({ name }) => read(name));
  const words = new Int32Array(data[0].length * stride);
  const floats = new Float32Array(words.buffer);
  if (layout.denseFeatures > 0 && !columns.some(({ kind }) => kind === "dense"))
    for (let at = 1; at < words.length; at += stride) floats[at] = 1;
  for (const [c, { name, word, kind }] of columns.entries()) {
    const values = data[c];
    const isFloat = kind === "dense" && layout.denseEncoding === "float32";
    for (let i = 0, at = word; i < values.length; i++, at += stride) {
      const value = values[i];
      const number =
        typeof value === "number"
          ? value
          : typeof value === "bigint" || typeof value === "boolean"
            ? Number(value)
            : Number.NaN;
      if (isFloat) floats[at] = number;
      else words[at] = number;
      if (isFloat ? Number.isNaN(number) : words[at] !== number) {
        throw new DataError(`Column '${name}' of '${path}' holds ${String(value)} in row ${firstRow + i}.`, {
          fix: `Expected ${isFloat ? "a number" : "a 32-bit integer"}: repair the file. Texts, lists, larger integers and missing values are for 'fae schema'.`,
          details: { path, column: name, row: firstRow + i, found: String(value) },
        });
      }
    }
  }
  return words;
}

/** @param group its row group, from 0 */
function unreadable(path: string, cause: unknown, group?: number): DataError {
  const where = group === undefined ? "" : `row group ${group}: `;
  return new DataError(
    `'${path}' is not a readable Parquet file (${where}${cause instanceof Error ? cause.message : String(cause)}).`,
    {
      fix: `Copy or write it again, in row groups of 100,000 rows or so; compression may be none, Snappy, gzip, Brotli, LZ4${hasZstd ? " or Zstandard" : "; Zstandard needs Node 22.15, or 'fae schema' and DuckDB"}. Columns of texts or lists are for 'fae schema'.`,
      details: { path, ...(group !== undefined && { rowGroup: group }) },
      cause,
    },
  );
}
