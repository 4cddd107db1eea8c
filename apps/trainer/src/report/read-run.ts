import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DataError, expectFile, isOtherAlive } from "@fae/core";
import { z } from "zod";
import { parseEvent } from "./event-schema.js";
import type { Standing } from "./head.js";
import { linesOf } from "./lines.js";
import { addEvent, emptyView, type RunView } from "./run-view.js";

/** A run as it is on disk now. */
export interface ReadRun {
  readonly view: RunView;
  readonly standing: Standing;
  /** What is missing or damaged, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Reads a run's `metrics.jsonl` and, when it is finished, its `report.json`. A run without checkpoints has no directory under
 * its name before it ends: the one that it is written to meanwhile is looked for.
 * @throws DataError when there is no run of that name
 */
export async function readRun(path: string): Promise<ReadRun> {
  const directory = findRun(path);
  const { view, notes, lastAt } = await readEvents(join(directory, "metrics.jsonl"));
  const end = readEnd(join(directory, "report.json"));
  const standing: Standing =
    end.standing ?? (isAtWork(path) ? { kind: "running" } : { kind: "stopped", lastAt: lastAt.toISOString() });
  return { view, standing, notes: [...notes, ...end.notes] };
}

function findRun(path: string): string {
  const isRun = (directory: string): boolean =>
    ["metrics.jsonl", "report.json"].some((name) => existsSync(join(directory, name)));
  if (isRun(path)) return path;
  const beside = namesBeside(path, "partial-").map((name) => join(dirname(resolve(path)), name));
  const newest = beside.filter(isRun).sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
  if (newest !== undefined && !existsSync(path)) return newest;
  throw new DataError(
    existsSync(path) ? `${path} is not a run: it has no metrics.jsonl.` : `There is no run ${path}.`,
    {
      fix: "Name a directory that 'fae train --run' wrote; an interrupted run without checkpoints leaves none.",
      details: { path },
    },
  );
}

/** Hidden names beside a run that belong to it. */
function namesBeside(path: string, kind: "partial-" | "lock-"): string[] {
  const final = resolve(path);
  const prefix = `.${basename(final)}.${kind}`;
  return existsSync(dirname(final)) ? readdirSync(dirname(final)).filter((name) => name.startsWith(prefix)) : [];
}

/** Whether a process of this machine has the run. */
const isAtWork = (path: string): boolean =>
  namesBeside(path, "lock-").some((name) => {
    const tag = /(\d+)-\d+$/.exec(name);
    return tag !== null && (Number(tag[1]) === process.pid || isOtherAlive(tag[0]));
  });

async function readEvents(path: string): Promise<{ view: RunView; notes: string[]; lastAt: Date }> {
  let view = emptyView();
  if (!existsSync(path))
    return { view, notes: ["The run has no metrics.jsonl: there are no figures."], lastAt: new Date(0) };
  expectFile(path);
  const lastAt = statSync(path).mtime;
  const damaged: number[] = [];
  let line = 0;
  for await (const text of linesOf(path)) {
    line++;
    const event = text === null ? null : parseEvent(text);
    if (event === null) damaged.push(line);
    else if (event !== undefined) view = addEvent(view, event);
  }
  // A process that was killed, or is writing just now, leaves a last line that is cut off.
  if (damaged.at(-1) === line && !endsInNewline(path)) damaged.pop();
  return { view, notes: notesOf(damaged, line, view.disordered), lastAt };
}

function endsInNewline(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const last = Buffer.alloc(1);
    return readSync(file, last, 0, 1, fstatSync(file).size - 1) === 1 && last[0] === 10;
  } finally {
    closeSync(file);
  }
}

function notesOf(damaged: readonly number[], lines: number, disordered: number): string[] {
  const some = damaged.slice(0, 5).join(", ") + (damaged.length > 5 ? ", ..." : "");
  const notes: string[] = [];
  if (damaged.length > 0)
    notes.push(`${damaged.length} of ${lines} lines of metrics.jsonl are damaged and left out (line ${some}).`);
  if (disordered > 0) notes.push(`${disordered} of ${lines} lines of metrics.jsonl are out of order and left out.`);
  return notes;
}

const metrics = z
  .object({
    inputs: z.number(),
    accuracy: z.number().nullable(),
    auc: z.number().nullable(),
    logLoss: z.number().nullable(),
    normalizedEntropy: z.number().nullable(),
    calibration: z.number().nullable(),
  })
  .nullable();

const report = z.object({
  format: z.literal("fae-run"),
  seconds: z.object({ total: z.number() }),
  metrics: z.object({ val: metrics, test: metrics }),
  kept: z
    .object({ weights: z.enum(["best", "last"]), step: z.int() })
    .nullable()
    .default(null),
});

/** How a finished run ended. */
function readEnd(path: string): { readonly standing: Standing | null; readonly notes: readonly string[] } {
  if (!existsSync(path)) return { standing: null, notes: [] };
  expectFile(path);
  try {
    const found = report.parse(JSON.parse(readFileSync(path, "utf8")));
    const { seconds, metrics, kept } = found;
    return { standing: { kind: "finished", totalSeconds: seconds.total, metrics, kept }, notes: [] };
  } catch {
    return { standing: null, notes: ["report.json is damaged: the quality of the trained model is left out."] };
  }
}
