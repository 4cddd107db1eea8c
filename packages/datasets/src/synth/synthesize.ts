import { join } from "node:path";
import { checkOptions, FaeError, strideBytes } from "@fae/core";
import { synthKinds } from "../call-kinds.js";
import { withIds } from "../id-mapping.js";
import { writeManifest } from "../manifest.js";
import { requireSpace } from "../prepare/disk.js";
import { openSink, type Sink, writeWhole } from "../prepare/files.js";
import { openPool, type Pool } from "../prepare/pool.js";
import { discard, openWork, publish, type WorkDirectory } from "../prepare/work.js";
import type { Written } from "../prepare/written.js";
import { type Design, designOf } from "./design.js";
import { gzipMember } from "./job.js";
import type { SynthOptions, SynthReport } from "./options.js";
import { manifestOf, type SplitCount, writeVocabularies } from "./prepared-files.js";
import { interrupted, runUnits } from "./run-units.js";
import { type SynthSettings, settleSynth } from "./settings.js";
import { scoreTotal, type TeacherScores } from "./teacher-scores.js";

/**
 * Makes a click log with the sizes, skew, dependences, blanks and label rates of a real one, at full cardinality. Same options,
 * same bytes: every input is drawn from its own counters, whatever thread makes it. Memory is bounded whatever `rows`: tens of MB a
 * thread.
 *
 * @throws ConfigError for options, FaeError `ERR_DISK_FULL`, FaeError `ERR_INTERRUPTED` when `signal` fired. Then nothing is left.
 */
export async function synthesize(options: SynthOptions): Promise<SynthReport> {
  checkOptions<SynthOptions>("synthesize", options, synthKinds);
  const started = performance.now();
  const settings = settleSynth(options);
  if (settings.signal?.aborted) throw interrupted();
  const design = designOf(settings);
  const { onProgress: _, signal: __, workers: ___, ...plan } = settings;
  const work = await openWork(settings.directory, { synth: plan });
  let pool: Pool | null = null;
  let report: Omit<SynthReport, "seconds" | "inputsPerSecond" | "workers">;
  let threads = 0;
  try {
    pool = openPool(settings.workers);
    threads = pool.threads;
    requireSpace(work.root, settings.rows * bytesPerInput(settings, design));
    if (design.survey) await survey(settings, design, design.survey.users, work, pool);
    const made = await writeInputs(settings, design, work, pool);
    report = reportOf(settings, design, made);
    if (settings.format === "prepared") {
      const vocabularies = writeVocabularies(settings, design, work.root);
      const manifest = manifestOf(settings, design, made.splits, vocabularies?.names ?? null);
      const written = [...made.written, ...(vocabularies?.written ?? [])];
      writeManifest(work.root, withIds(work.root, manifest), written);
    }
    const { directory: ____, ...lasting } = report;
    writeWhole(join(work.root, "synth.json"), `${JSON.stringify({ ...lasting, options: shown(plan) }, null, 2)}\n`);
    await pool[Symbol.asyncDispose]();
    publish(work, settings.directory);
  } catch (error) {
    await pool?.[Symbol.asyncDispose]();
    discard(work.root);
    throw isFull(error) ? diskFull(settings.directory, error) : error;
  } finally {
    work.release();
  }
  const seconds = (performance.now() - started) / 1000;
  return { ...report, seconds, inputsPerSecond: report.inputs / seconds, workers: threads };
}

interface Made {
  readonly inputs: number;
  readonly bytes: number;
  readonly splits: readonly SplitCount[];
  readonly scores: readonly TeacherScores[];
  readonly written: readonly Written[];
}

/** Marks the items that the users of a log meet, for its negatives. */
async function survey(
  { seed, scale, signal, onProgress }: SynthSettings,
  { tables }: Design,
  users: number,
  work: WorkDirectory,
  pool: Pool,
): Promise<void> {
  const items = tables.find(({ name }) => name === "item")?.rows ?? 0;
  const bits = new Uint8Array(Math.ceil(items / 8));
  const all = { from: 0, to: users };
  await runUnits(
    {
      pool,
      job: { kind: "survey", gzip: false, seed, scale },
      outputs: { files: [{ name: "items", ...all }], splits: [{ name: "train", ...all }], days: [0, users] },
      unitRows: 2000,
      stage: "survey",
      inputsTotal: users,
      onProgress,
      signal,
    },
    (_, { bytes }) => {
      for (let i = 0; i < bits.length; i++) bits[i] |= bytes[i];
    },
  );
  writeWhole(join(work.work, surveyFile), bits);
}

const surveyFile = "items.bits";

async function writeInputs(
  { rows, gzip, onProgress, signal }: SynthSettings,
  { jobWith, outputs, unitRows, header }: Design,
  { root, work }: WorkDirectory,
  pool: Pool,
): Promise<Made> {
  const splits = outputs.splits.map(() => ({ rows: 0, positives: 0 }));
  const totals = outputs.splits.map(() => scoreTotal());
  let sink: Sink | null = null;
  let file = -1;
  let bytes = 0;
  const written: Written[] = [];
  const put = (part: Uint8Array) => {
    sink?.write(part);
    bytes += part.length;
  };
  const job = jobWith(join(work, surveyFile));
  try {
    await runUnits(
      { pool, job, outputs, unitRows, stage: "write", inputsTotal: rows, onProgress, signal },
      (unit, made) => {
        if (unit.file !== file) {
          if (sink) written.push(sink.close());
          file = unit.file;
          sink = openSink(join(root, `${outputs.files[file].name}${gzip ? ".gz" : ""}`), 0);
          const first = header === null ? null : Buffer.from(`${header}\n`);
          if (first) put(gzip ? gzipMember(first) : first);
        }
        put(made.bytes);
        splits[unit.split].rows += made.inputs;
        splits[unit.split].positives += made.positives;
        if (made.scores) totals[unit.split].add(made.scores);
      },
    );
    const last = (sink as Sink | null)?.close();
    if (last) written.push(last);
  } catch (error) {
    (sink as Sink | null)?.abandon();
    throw error;
  }
  const inputs = splits.reduce((sum, split) => sum + split.rows, 0);
  return { inputs, bytes, splits, scores: totals.map((total) => total.scores()), written };
}

const bytesPerInput = ({ format, gzip }: SynthSettings, { layout, lineBytes }: Design): number =>
  format === "prepared" ? strideBytes(layout) : lineBytes * (gzip ? 0.5 : 1);

function reportOf({ source, format, directory }: SynthSettings, { tables, isLabelled }: Design, made: Made) {
  const [train, test, val] = made.scores;
  return {
    source,
    format,
    directory,
    inputs: made.inputs,
    bytes: made.bytes,
    tables: tables.map(({ name, rows }) => ({ name, rows })),
    teacher: isLabelled ? { train, test, val } : null,
  };
}

/** Options as they are kept beside the data: without the directory, which may move. */
const shown = ({ directory: _, ...rest }: Record<string, unknown>): Record<string, unknown> => rest;

const isFull = (error: unknown): boolean =>
  ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException | null)?.code ?? "");

const diskFull = (directory: string, cause: unknown): FaeError =>
  new FaeError("ERR_DISK_FULL", `The disk became full while '${directory}' was written; what was written is removed.`, {
    fix: "Free space, ask for fewer rows, or choose a directory on another disk.",
    details: { path: directory },
    cause,
  });
