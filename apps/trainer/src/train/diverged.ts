import { basename, relative } from "node:path";
import { type BatchSource, DataError, DivergedError, type Program, type Session } from "@fae/core";
import { listCheckpoints } from "@fae/embedding-store";
import { denseHint } from "./dense-hint.js";
import type { TrainOptions } from "./options.js";
import { checkpointsOf } from "./run-output.js";

const valuesPerRead = 1 << 20;

/** The table with the longest row (Euclidean norm; NaN counts as infinite), reading every row in pieces. */
export async function largestRow(
  session: Pick<Session, "read">,
  program: Pick<Program, "tables" | "width">,
): Promise<{ table: string; row: number; norm: number }> {
  let largest = { table: "", row: 0, norm: -1 };
  const rowsPerRead = Math.max(1, Math.floor(valuesPerRead / program.width));
  for (const { name, rows } of program.tables) {
    for (let first = 0; first < rows; first += rowsPerRead) {
      const ids = Uint32Array.from({ length: Math.min(rowsPerRead, rows - first) }, (_, i) => first + i);
      const values = await session.read(name, ids);
      for (let i = 0; i < ids.length; i++) {
        let squares = 0;
        for (let column = 0; column < program.width; column++) squares += values[i * program.width + column] ** 2;
        const norm = Number.isNaN(squares) ? Number.POSITIVE_INFINITY : Math.sqrt(squares);
        if (norm > largest.norm) largest = { table: name, row: first + i, norm };
      }
    }
  }
  return largest;
}

export interface DivergedRun {
  readonly session: Pick<Session, "read">;
  readonly program: Pick<Program, "tables" | "width">;
  readonly sources: readonly BatchSource[];
  readonly options: Pick<TrainOptions, "run" | "learningRate" | "warmupSteps">;
  /** Step of the checkpoint that the run was resumed from; null for a run from the beginning. */
  readonly resumedFrom: number | null;
}

/** The same error with the table that went furthest, the learning rate of that step, and what to do about it. */
export async function explainDivergence(error: DivergedError, run: DivergedRun): Promise<DivergedError | DataError> {
  const { session, program, sources } = run;
  const { step, learningRate, source: name } = error.details;
  // A session that the divergence poisoned cannot be read: the first cause is then all there is to say.
  const isPlaced = error.details["table"] !== undefined;
  const found = isPlaced ? undefined : await largestRow(session, program).catch(() => undefined);
  const where = found ? ` The largest row is row ${found.row} of table ${found.table}, norm ${found.norm}.` : "";
  const rate =
    typeof learningRate === "number" ? ` The learning rate of that step was ${+learningRate.toPrecision(6)}.` : "";
  const hint = denseHint(sources.find((source) => source.name === name) ?? sources[0]);
  const details = { ...error.details, ...found };
  if (hint?.isBroken) return new DataError(error.message, { fix: hint.text, details, cause: error });
  const isFirst = step === 1 && name === undefined;
  const advice = isFirst ? "No update came before it: look at the data, and at --init." : await adviceOf(run);
  return new DivergedError(`${error.message}${where}${isFirst ? "" : rate}`, {
    fix: hint === null ? advice : `${advice} ${hint.text}`,
    details,
    cause: error,
  });
}

/** A command or an option that can be followed. */
async function adviceOf({ options, resumedFrom }: DivergedRun): Promise<string> {
  const { run, learningRate, warmupSteps } = options;
  const lower = +(learningRate / 10).toPrecision(2);
  const all = run === null ? [] : await listCheckpoints(checkpointsOf(run));
  // What training went on from and diverged again is not to be tried once more, if there is an earlier one.
  const earlier = all.filter(({ step }) => step !== resumedFrom);
  const from = earlier.at(-1) ?? all.at(-1);
  if (run === null || from === undefined)
    return `Train again with a lower rate: --lr ${lower}${warmupSteps === 0 ? ", or with --warmup-steps" : ""}.`;
  const path = from === all.at(-1) ? run : `${run}/${relative(run, checkpointsOf(run))}/${basename(from.path)}`;
  return `Go on from the checkpoint of step ${from.step} with a lower rate: fae train --resume ${path} --lr ${lower}.`;
}
