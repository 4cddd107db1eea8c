import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { DataError } from "@fae/core";
import { bytesOf, openSink, type Sink } from "../prepare/files.js";
import type { Progress } from "../prepare/stages.js";
import { RowEncoder } from "./encode-row.js";
import type { LogFile } from "./log-files.js";
import type { LogDefinition } from "./log-schema.js";
import { rowsOfFile } from "./read-log.js";
import type { FileFacts, RowBlock } from "./row-block.js";
import type { RowRejects } from "./row-rejects.js";
import { splitNames } from "./split-rows.js";
import { growingIds, type TableIds } from "./table-ids.js";
import { TextDictionary } from "./text-dictionary.js";

/** What reading a log leaves in the work directory and in memory. */
export interface ReadLog {
  readonly encoder: RowEncoder;
  readonly ids: readonly TableIds[];
  readonly groups: TextDictionary | null;
  readonly facts: FileFacts;
  readonly digests: readonly string[];
  readonly rows: number;
  readonly bySplit: readonly number[];
  readonly rowsPath: string;
  readonly timesPath: string;
  readonly codesPath: string;
  readonly groupsPath: string;
}

export interface ReadStage {
  readonly work: string;
  readonly definition: LogDefinition;
  readonly files: readonly LogFile[];
  readonly rejects: RowRejects;
  readonly progress: Progress;
  readonly onNotice: (text: string) => void;
  /** Throws when the work was interrupted. */
  readonly checkAbort: () => void;
}

/** Reads all files of a log, front to back, into rows with ids by first appearance. Memory: one piece of text, and the keys. */
export async function readLog(stage: ReadStage): Promise<ReadLog> {
  const { work, definition, files, rejects, progress } = stage;
  const { schema } = definition;
  const ids = schema.tables.map(growingIds);
  const encoder = new RowEncoder(schema, { isScoring: false }, ids);
  const groups = schema.group === undefined ? null : new TextDictionary(schema.group);
  const facts: FileFacts = { rows: 0, crlf: 0 };
  const bySplit = splitNames.map(() => 0);
  const digests: string[] = [];
  const paths = {
    rowsPath: join(work, "rows"),
    timesPath: join(work, "times"),
    codesPath: join(work, "codes"),
    groupsPath: join(work, "groups"),
  };
  const sinks = new RowSinks(encoder, groups, paths);
  progress.begin(
    "read",
    files.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const unused = new Set<string>();
  const types = new Map<string, string>();
  try {
    for (const file of files) {
      const before = { ...facts };
      const hash = schema.format === "parquet" ? null : createHash("sha256");
      const options = {
        path: file.path,
        columns: encoder.plan.columns,
        where: definition.where,
        facts,
        types,
        onReject: (reject: Parameters<RowRejects["add"]>[1]) => rejects.add(file, reject),
        onUnused: (names: readonly string[]) => tellUnused(file, names, unused, stage.onNotice),
      };
      const onStored = (bytes: number) => progress.advance(bytes);
      for await (const block of rowsOfFile(file, schema, hash, options, onStored)) {
        stage.checkAbort();
        const rejectedBefore = rejects.rejected;
        const kept = sinks.take(block, file, rejects);
        bySplit[splitNames.indexOf(file.split ?? "train")] += kept;
        progress.countLines(block.rows, rejects.rejected - rejectedBefore);
        rejects.checkStart(facts.rows);
      }
      if (facts.rows - before.rows <= 0)
        throw new DataError(`'${file.path}' has no rows.`, { fix: "Leave it out.", details: { path: file.path } });
      digests.push(hash ? hash.digest("hex") : await digestOf(file, onStored));
    }
    sinks.close();
  } catch (error) {
    sinks.abandon();
    throw error;
  }
  rejects.check(facts.rows);
  return { encoder, ids, groups, facts, digests, rows: sinks.rows, bySplit, ...paths };
}

function tellUnused(
  file: LogFile,
  names: readonly string[],
  reported: Set<string>,
  onNotice: (text: string) => void,
): void {
  const fresh = names.filter((name) => !reported.has(name));
  for (const name of fresh) reported.add(name);
  if (fresh.length === 0) return;
  const shown = fresh.slice(0, 20).join(", ");
  onNotice(
    `'${file.name}': columns that the schema does not name are left out: ${shown}${fresh.length > 20 ? ", ..." : ""}`,
  );
}

async function digestOf({ path }: LogFile, onStored: (bytes: number) => void): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(piece);
    onStored(piece.length);
  }
  return hash.digest("hex");
}

/** The files that rows are read into. */
class RowSinks {
  rows = 0;
  readonly #words: Int32Array;
  readonly #floats: Float32Array;
  readonly #sinks: Sink[] = [];
  readonly #rows: Sink;
  readonly #times: Sink | null;
  readonly #codes: Sink | null;
  readonly #groups: Sink | null;

  constructor(
    private readonly encoder: RowEncoder,
    private readonly groups: TextDictionary | null,
    paths: {
      readonly rowsPath: string;
      readonly timesPath: string;
      readonly codesPath: string;
      readonly groupsPath: string;
    },
  ) {
    this.#words = new Int32Array(encoder.stride);
    this.#floats = new Float32Array(this.#words.buffer);
    const open = (path: string, bytes?: number): Sink => {
      const sink = openSink(path, bytes);
      this.#sinks.push(sink);
      return sink;
    };
    this.#rows = open(paths.rowsPath, 1 << 20);
    this.#times = encoder.plan.time < 0 ? null : open(paths.timesPath);
    this.#codes = encoder.plan.split < 0 ? null : open(paths.codesPath);
    this.#groups = groups === null ? null : open(paths.groupsPath);
  }

  /** Writes the rows of a block that are taken; returns how many. */
  take(block: RowBlock, file: LogFile, rejects: RowRejects): number {
    const { encoder } = this;
    const row = bytesOf(this.#words);
    let kept = 0;
    for (let i = 0; i < block.rows; i++) {
      const problem = encoder.encode(block, i, this.#words, this.#floats, 0);
      if (problem) {
        rejects.add(file, { row: block.numbers[i], offset: block.offsets ? block.offsets[i] : null, ...problem });
        continue;
      }
      this.#rows.write(row);
      this.#takeExtras(block);
      kept++;
    }
    this.rows += kept;
    return kept;
  }

  #takeExtras({ bytes }: RowBlock): void {
    const { time, split, group } = this.encoder.extras;
    this.#times?.write(bytesOf(Float64Array.of(time)));
    this.#codes?.write(Uint8Array.of(split));
    if (this.groups === null) return;
    const [start, end] = group[0] < 0 ? [0, 0] : group;
    this.#groups?.write(bytesOf(Int32Array.of(this.groups.add(bytes, start, end))));
  }

  close(): void {
    for (const sink of this.#sinks) sink.close();
  }

  abandon(): void {
    for (const sink of this.#sinks) sink.abandon();
  }
}
