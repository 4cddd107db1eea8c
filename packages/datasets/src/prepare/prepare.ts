import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, checkOptions, FaeError, type PreparedData } from "@fae/core";
import { prepareKinds } from "../call-kinds.js";
import { withIds } from "../id-mapping.js";
import { type Manifest, manifestName, manifestVersion, writeManifest } from "../manifest.js";
import { openPrepared } from "../open-prepared.js";
import { verifyPrepared } from "../verify-prepared.js";
import { constantColumns, degenerateSplits } from "./degenerate.js";
import { checkSpace, diskFull } from "./disk.js";
import { checkFileOrder, givenTwice, refuseCopies } from "./file-order.js";
import { checkHours } from "./hours.js";
import type { PrepareOptions } from "./options.js";
import { openPool, type Pool } from "./pool.js";
import { expectUnchanged, findRawFiles, lookAtFiles, type SourceFile } from "./raw-files.js";
import { readStage } from "./read-stage.js";
import { checkPart, checkRejects, rejectsByReason, rejectsName, writeRejects } from "./rejects.js";
import { blockRows } from "./row-blocks.js";
import { finishRowLog } from "./row-log.js";
import { finishSeriesLog } from "./series/series-log.js";
import { type Settings, settle } from "./settings.js";
import { progressTo, type Run } from "./stages.js";
import { concern, type Warning } from "./warnings.js";
import { discard, openWork, publish, type WorkDirectory } from "./work.js";

/**
 * Turns a raw click log into a prepared data set. The result depends on the files and on the shaping options alone: not on
 * the number of workers, the size of parts, gzip, or how often the work was interrupted and resumed.
 *
 * Memory: about 100 MiB a worker, and with dictionaries 20 to 40 bytes for each key of the tables being numbered.
 *
 * How the files are written is looked at first: `logForm`. What a user should know about the log is in the manifest's `warnings`.
 *
 * @throws ConfigError for options, DataError for raw files, those of another kind or out of order among them, FaeError `ERR_DISK_FULL`, FaeError `ERR_INTERRUPTED` when
 * `signal` fired. After the last two the work directory stays and the same call goes on from there.
 */
export async function prepare(options: PrepareOptions): Promise<PreparedData> {
  checkOptions<PrepareOptions>("prepare", options, prepareKinds);
  const { format, asGiven } = settle(options);
  const found = findRawFiles(format, options.files);
  const paths = found.files.map(({ path }) => path);
  const order = checkFileOrder(format, paths, asGiven);
  const { sources: files, warnings: forms } = await lookAtFiles(format, found.files);
  if (!asGiven) refuseCopies(files);
  const warnings = [...found.warnings, ...order, ...forms];
  // Once more with the files of a directory: their number decides the days of Terabyte.
  const settings = settle({ ...options, files: paths });
  checkParts(settings, files);
  const { signal, directory } = settings;
  if (!existsSync(`${directory}.partial`)) await checkSpace(settings, files);
  if (signal?.aborted) throw interrupted(directory, false);
  const work = await openWork(directory, planOf(settings, files));
  let stop = () => {};
  try {
    const pool = openPool(threadsOf(settings, files));
    const stopped = new Promise<never>((_, reject) => {
      stop = () => reject(interrupted(directory, true));
      signal?.addEventListener("abort", stop, { once: true });
      if (signal?.aborted) stop();
    });
    const finished = fill(settings, files, work, pool, warnings);
    await Promise.race([stopped, finished]).finally(async () => {
      await pool[Symbol.asyncDispose]();
      await finished.catch(() => {});
    });
    publish(work, directory);
  } catch (error) {
    const known = diskFull(error, work.root) ?? error;
    if (known instanceof FaeError && known.code === "ERR_DATA") discard(work.root);
    throw known;
  } finally {
    signal?.removeEventListener("abort", stop);
    work.release();
  }
  return openPrepared(directory);
}

/** Each part is a few files and a record that is looked up at every start: four times those of Terabyte in parts of usual size. */
const mostParts = 65_536;

/** @throws ConfigError when parts are so small that there would be too many of them. */
function checkParts({ read: { partBytes } }: Settings, files: readonly SourceFile[]): void {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes <= mostParts * partBytes) return;
  const least = Math.ceil(bytes / mostParts);
  throw new ConfigError(`Option partBytes is ${partBytes}, too small for ${bytes} bytes of raw files.`, {
    fix: `Give at least ${least} (--part-bytes), or leave it out.`,
    details: { option: "partBytes", found: partBytes, expected: least },
  });
}

/** No more threads than there are parts to read, or tables to number. */
function threadsOf({ read, workers, format }: Settings, files: readonly SourceFile[]): number {
  const partsOf = ({ isGzip, bytes }: SourceFile) => (isGzip ? 1 : Math.ceil(bytes / read.partBytes));
  const parts = files.reduce((sum, file) => sum + partsOf(file), 0);
  return Math.min(workers, Math.max(parts, format.tables.length));
}

/** Of what parts leave behind; work that another release began is not gone on with when it differs. */
const recordsVersion = 2;

/** Everything that the bytes of the data set and of the intermediate files depend on. */
const planOf = (settings: Settings, files: readonly SourceFile[]) => ({
  version: manifestVersion,
  records: recordsVersion,
  directory: settings.directory,
  format: settings.format.name,
  options: settings.shaping,
  partBytes: settings.read.partBytes,
  blockRows,
  files: files.map(({ name, bytes, modifiedMs }) => ({ name, bytes, modifiedMs })),
});

/** Does what is left to do in the work directory, up to the manifest. */
async function fill(
  settings: Settings,
  files: readonly SourceFile[],
  work: WorkDirectory,
  pool: Pool,
  known: readonly Warning[],
): Promise<void> {
  const { format, maxRejects, asGiven } = settings;
  if (existsSync(join(work.root, manifestName))) return verifyPrepared(work.root, settings.signal);
  const progress = progressTo(settings.onProgress, pool.threads);
  const run: Run = { work: work.work, root: work.root, pool, progress, written: [] };
  const { parts, digests } = await readStage(run, files, settings.read, (part) => {
    checkPart(format, files, part, maxRejects);
    if (part.part === 0) checkHours(files, [part], asGiven);
  });
  for (const file of files) expectUnchanged(file.path, file);
  checkRejects(format, files, parts, maxRejects);
  const rejected = parts.reduce((n, part) => n + part.rejected, 0);
  if (rejected > 0) run.written.push(writeRejects(work.root, work.work, format, files, parts));
  const finish = format.split === "series" ? finishSeriesLog : finishRowLog;
  const order = [...sameContent(files, digests, asGiven, known), ...checkHours(files, parts, asGiven)];
  const { reasons, ...data } = await finish(run, settings, parts);
  const degenerate = [...degenerateSplits(data.splits, reasons), ...constantColumns(format, parts, data.tables)];
  const warnings = [...known, ...order, ...degenerate];
  const manifest: Manifest = {
    format: "fae-prepared",
    version: manifestVersion,
    source: format.name,
    sources: files.map(({ name, bytes }, i) => ({ name, bytes, sha256: digests[i] })),
    ...data,
    lines: {
      total: parts.reduce((n, part) => n + part.lines, 0),
      crlf: parts.reduce((n, part) => n + part.crlf, 0),
      rejected,
      byReason: rejectsByReason(parts),
      file: rejected > 0 ? rejectsName : null,
    },
    ...(warnings.length > 0 && { warnings }),
    options: settings.shaping,
  };
  writeManifest(work.root, withIds(work.root, manifest), run.written);
}

/** Files with the same bytes under different names; those that are `known` already are not said again. */
function sameContent(
  files: readonly SourceFile[],
  digests: readonly string[],
  asGiven: boolean,
  known: readonly Warning[],
): Warning[] {
  return givenTwice(files.map(({ path }, i) => ({ path, key: digests[i] })))
    .map((twice) => concern(twice, asGiven))
    .filter(({ message }) => !known.some((warning) => warning.message === message));
}

function interrupted(directory: string, hasBegun: boolean): FaeError {
  return new FaeError("ERR_INTERRUPTED", `The preparation of '${directory}' was interrupted.`, {
    ...(hasBegun ? { fix: `Repeat the call to go on from '${directory}.partial', or delete that directory.` } : {}),
    details: { path: `${directory}.partial` },
  });
}
