import { join } from "node:path";
import { ConfigError, checkArguments, DataError, is, noRow, type RowLayout, readOriginalIds } from "@fae/core";
import { logKind } from "../call-kinds.js";
import type { Manifest } from "../manifest.js";
import { openPrepared, readManifest } from "../open-prepared.js";
import { nameOf } from "./check-schema.js";
import { RowEncoder } from "./encode-row.js";
import { logFiles } from "./log-files.js";
import { defineLog, type LogDefinition, type LogSchema } from "./log-schema.js";
import { rowsOfFile, rowsOfText } from "./read-log.js";
import type { RowBlock, RowReject } from "./row-block.js";
import { growingIds, type TableIds } from "./table-ids.js";
import { readTextVocabulary } from "./text-vocabulary.js";
import { finisher } from "./write-splits.js";

/** Inputs of a log as a prepared data set counts them. */
export interface ScoredRows {
  /** Line or row of each input in its file, from 1. */
  readonly numbers: readonly number[];
  /** Rows in the layout of the data set, with original ids and label 0. */
  readonly words: Int32Array<ArrayBuffer>;
}

/** Reads logs of the schema that a data set was prepared with, to score them. */
export interface LogScorer {
  readonly layout: RowLayout;
  /** By table: keys that the data set does not know, so far. They count as rare, or else as missing. */
  readonly unknown: readonly { readonly table: string; keys: number }[];
  /**
   * @param log path, or text of a CSV, TSV or JSONL log as it arrives @param onReject takes each rejected row
   * @throws DataError for a file that lacks a column
   */
  rows(log: string | AsyncIterable<Uint8Array>, onReject: (reject: RowReject) => void): AsyncGenerator<ScoredRows>;
}

/**
 * Opens the schema and the vocabularies of a prepared data set, packed or not. Columns that are no part of an input (label,
 * time, group) need not be in the log.
 * @param reading how the log is cut, where it differs from the data set's: its format, separator, quote, names and missing;
 *   columns must be the same
 * @throws DataError when the data set was not prepared with a schema, ConfigError when the two schemas differ
 */
export async function openLogScorer(directory: string, reading?: LogDefinition): Promise<LogScorer> {
  checkArguments("openLogScorer", { directory: [directory, is.text], reading: [reading, is.maybe(logKind)] });
  const data = await openPrepared(directory);
  const manifest = await readManifest(data.directory);
  if (manifest.schema === undefined) {
    throw new DataError(`'${directory}' was not prepared with a schema, but from ${manifest.source}.`, {
      fix: "Give --format for a known log.",
      details: { path: directory, found: manifest.source },
    });
  }
  const own = defineLog(
    { ...(manifest.schema.definition as unknown as LogSchema), files: "-" },
    () => `'${directory}'`,
  );
  if (reading) expectSame(own.schema, reading);
  const { format, separator, quote, names, missing } = (reading ?? own).schema;
  const schema: LogSchema = { ...own.schema, format, separator, quote, names, missing };
  const unknown = manifest.tables.map(({ name }) => ({ table: name, keys: 0 }));
  const ids = schema.tables.map((table, t) => {
    const path = data.packed?.originalIdsPaths[t];
    const originals = path === undefined ? null : readOriginalIds(path, nameOf(table), manifest.tables[t].rows);
    return knownIds(data.directory, manifest.tables[t], originals, growingIds(table), unknown[t]);
  });
  const encoder = new RowEncoder(schema, { isScoring: true }, ids);
  const none = schema.tables.map(() => null);
  const finish = finisher(encoder.layout, encoder.stride, manifest.schema.zScores, none);
  const where = (reading ?? own).where;
  return {
    layout: encoder.layout,
    unknown,
    async *rows(log, onReject) {
      const path = typeof log === "string" ? log : "-";
      const { columns } = encoder.plan;
      const options = { path, columns, where, facts: { rows: 0, crlf: 0 }, onReject, onUnused: () => {} };
      if (typeof log !== "string" && schema.format === "parquet")
        throw new ConfigError("Parquet cannot be read from a stream.", { fix: "Give the path of the file." });
      const blocks =
        typeof log === "string"
          ? rowsOfFile(logFiles(own, [log])[0], schema, null, options, () => {})
          : rowsOfText(log, schema, options);
      for await (const block of blocks) {
        const rows = encoded(encoder, finish, block, onReject);
        if (rows.numbers.length > 0) yield rows;
      }
    },
  };
}

function encoded(
  encoder: RowEncoder,
  finish: ReturnType<typeof finisher>,
  block: RowBlock,
  onReject: (reject: RowReject) => void,
): ScoredRows {
  const words = new Int32Array(block.rows * encoder.stride);
  const floats = new Float32Array(words.buffer);
  const numbers: number[] = [];
  for (let row = 0; row < block.rows; row++) {
    const at = numbers.length * encoder.stride;
    const problem = encoder.encode(block, row, words, floats, at);
    if (problem) onReject({ row: block.numbers[row], offset: block.offsets ? block.offsets[row] : null, ...problem });
    else {
      finish(words, floats, at);
      numbers.push(block.numbers[row]);
    }
  }
  return { numbers, words: words.slice(0, numbers.length * encoder.stride) };
}

/** Ids of the keys that a data set knows. */
function knownIds(
  directory: string,
  { name, rows, vocabulary }: Manifest["tables"][number],
  originals: ArrayLike<number> | null,
  computed: TableIds,
  unknown: { keys: number },
): TableIds {
  if (vocabulary?.text === undefined) return computed; // by value or by hash: the original ids are those
  const known = readTextVocabulary(name, join(directory, vocabulary.file), join(directory, vocabulary.text), rows);
  const original = (id: number): number => (id < 0 ? noRow : originals ? originals[id] : id);
  const missing = original(known.idOf(new Uint8Array(0), 0, 0));
  const instead = known.rareId < 0 ? missing : original(known.rareId);
  return {
    dictionary: null,
    idOf(bytes, start, end) {
      const id = known.idOf(bytes, start, end);
      if (id >= 0) return original(id);
      if (start === end) return missing;
      unknown.keys++;
      return instead;
    },
  };
}

/** @throws ConfigError when rows of one schema are no inputs of the other */
function expectSame(own: LogSchema, { schema, where }: LogDefinition): void {
  for (const part of ["dense", "tables", "steps", "time"] as const) {
    if (JSON.stringify(own[part]) === JSON.stringify(schema[part])) continue;
    const [a, b] = [own[part], schema[part]];
    const i =
      Array.isArray(a) && Array.isArray(b)
        ? a.findIndex((column, c) => JSON.stringify(column) !== JSON.stringify(b[c]))
        : -1;
    throw new ConfigError(`${where(i < 0 ? [part] : [part, i])} is not what the data set was prepared with.`, {
      fix: "Give that schema, or leave it out: the data set has it.",
      details: { option: "schema", found: schema[part], expected: own[part] },
    });
  }
}
