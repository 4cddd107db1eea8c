import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError, checkOptions, DataError, FaeError, type PreparedData } from "@fae/core";
import { prepareSchemaKinds } from "../call-kinds.js";
import { withIds } from "../id-mapping.js";
import { type Manifest, manifestVersion, writeManifest } from "../manifest.js";
import { openPrepared } from "../open-prepared.js";
import { diskFull } from "../prepare/disk.js";
import type { PrepareProgress } from "../prepare/options.js";
import { rejectsName } from "../prepare/rejects.js";
import { progressTo } from "../prepare/stages.js";
import { discard, openWork, publish, type WorkDirectory } from "../prepare/work.js";
import { collectingWrites } from "../prepare/written.js";
import { fit } from "./fit.js";
import { type LogFile, logFiles } from "./log-files.js";
import type { LogDefinition } from "./log-schema.js";
import { type ReadLog, readLog } from "./read-stage.js";
import { RowRejects } from "./row-rejects.js";
import { splitRows } from "./split-rows.js";
import { writeSplits, writeTables } from "./write-splits.js";

export interface PrepareSchemaOptions {
  /** Of `defineLog`. */
  readonly log: LogDefinition;
  /** Directory to create. Work happens in `<directory>.partial`, which one rename publishes. */
  readonly directory: string;
  /** Files in place of those that the schema names; relative to the working directory. */
  readonly files?: readonly string[];
  /** Share of rows that may be rejected, default 0.001. */
  readonly maxRejects?: number;
  readonly onProgress?: (progress: PrepareProgress) => void;
  /** Takes what one should know, e.g. which columns are left out. */
  readonly onNotice?: (text: string) => void;
  /** Stops the work; nothing is left of it. */
  readonly signal?: AbortSignal;
}

/**
 * Turns a log that a schema describes into a prepared data set. The result depends on the rows and the schema alone. One
 * thread; memory: a few MiB, and 20 to 30 bytes and the text of each key of a dictionary.
 *
 * @throws ConfigError for the schema or an existing directory, DataError for a file, a column or too many rejected rows,
 * FaeError `ERR_DISK_FULL`, FaeError `ERR_INTERRUPTED` when `signal` fired. Nothing is left then: the same call starts over.
 */
export async function prepareSchema(options: PrepareSchemaOptions): Promise<PreparedData> {
  checkOptions<PrepareSchemaOptions>("prepareSchema", options, prepareSchemaKinds);
  const { log, maxRejects = 0.001 } = options;
  if (!(maxRejects >= 0 && maxRejects <= 1))
    throw new ConfigError(`Option maxRejects (--max-rejects) is ${maxRejects}, expected a share from 0 to 1.`, {
      details: { option: "maxRejects", found: maxRejects },
    });
  const directory = resolve(options.directory);
  const files = logFiles(log, options.files);
  const checkAbort = () => {
    if (options.signal?.aborted) throw interrupted(directory);
  };
  checkAbort();
  const work = await openWork(directory, planOf(log, files));
  const rejects = new RowRejects(work.root, log.schema.format === "parquet" ? "row" : "line", maxRejects);
  try {
    restart(work);
    const { value, written } = await collectingWrites(() => fill(options, files, work, rejects, checkAbort));
    writeManifest(work.root, withIds(work.root, value), written);
    publish(work, directory);
  } catch (error) {
    rejects.abandon();
    discard(work.root);
    throw diskFull(error, work.root) ?? error;
  } finally {
    work.release();
  }
  return openPrepared(directory);
}

const planOf = ({ schema }: LogDefinition, files: readonly LogFile[]) => ({
  version: manifestVersion,
  schema,
  files: files.map(({ name, bytes, modifiedMs, split }) => ({ name, bytes, modifiedMs, split })),
});

const keptInWork = ["boot.json", "plan.json"];

/** Removes what a killed process has left. */
function restart({ root, work }: WorkDirectory): void {
  for (const name of readdirSync(root)) if (name !== "work") rmSync(join(root, name), { recursive: true });
  for (const name of readdirSync(work)) if (!keptInWork.includes(name)) rmSync(join(work, name), { recursive: true });
}

/** Writes all files of the data set but its manifest, which it returns. */
async function fill(
  { log, onProgress = () => {}, onNotice = () => {} }: PrepareSchemaOptions,
  files: readonly LogFile[],
  { root, work }: WorkDirectory,
  rejects: RowRejects,
  checkAbort: () => void,
): Promise<Manifest> {
  const progress = progressTo(onProgress, 0);
  const read = await readLog({ work, definition: log, files, rejects, progress, onNotice, checkAbort });
  rejects.close();
  if (read.rows === 0)
    throw new DataError(`'${files[0].path}' gives no inputs.`, { fix: "Give a file that holds some." });
  const { schema } = log;
  const stored = { path: read.rowsPath, rows: read.rows, stride: read.encoder.stride };
  progress.begin("write", stored.rows * stored.stride * 4);
  const splitOf = splitRows(log, read);
  const learnt = fit(schema, read.encoder, stored, splitOf, read.ids);
  checkAbort();
  const groupsPath = read.groups ? read.groupsPath : null;
  const written = writeSplits(root, read.encoder, stored, splitOf, learnt, groupsPath);
  progress.advance(stored.rows * stored.stride * 4);
  return {
    format: "fae-prepared",
    version: manifestVersion,
    source: "schema",
    sources: files.map(({ name, bytes }, i) => ({ name, bytes, sha256: read.digests[i] })),
    layout: { ...read.encoder.layout, hotness: [...read.encoder.layout.hotness] },
    tables: writeTables(root, schema, read.ids, learnt),
    splits: written.splits,
    labelRate: written.labelRate,
    lines: {
      total: read.facts.rows,
      crlf: read.facts.crlf,
      rejected: rejects.rejected,
      byReason: rejects.byReason,
      file: rejects.rejected > 0 ? rejectsName : null,
    },
    options: {},
    schema: schemaRecord(log, learnt.zScores, written.groupFiles, read),
  };
}

/** The schema in the manifest: without its files, so that the same rows give the same data set wherever they lie. */
function schemaRecord(
  { schema }: LogDefinition,
  zScores: NonNullable<Manifest["schema"]>["zScores"],
  groupFiles: Record<string, string> | null,
  { groups }: ReadLog,
): Manifest["schema"] {
  const { files: _, ...definition } = schema;
  return {
    definition: JSON.parse(JSON.stringify(definition)),
    zScores: [...zScores],
    groups: groupFiles && groups ? { rows: groups.size, files: groupFiles } : null,
  };
}

function interrupted(directory: string): FaeError {
  const isThere = existsSync(`${directory}.partial`);
  return new FaeError("ERR_INTERRUPTED", `The preparation of '${directory}' was interrupted.`, {
    fix: isThere ? "Nothing of it is kept: the same call starts over." : "Repeat the call.",
    details: { path: directory },
  });
}
