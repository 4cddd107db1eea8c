import type { SplitName } from "@fae/core";
import { DataError } from "@fae/core";
import {
  type LogDefinition,
  openLogScorer,
  type RawFormatName,
  type RowReject,
  rawFormats,
  readManifest,
} from "@fae/datasets";
import { verifyCheckpoint } from "@fae/embedding-store";
import { stopIfAborted, unlessAborted } from "../cli/interrupted.js";
import { openKeyIds } from "./key-ids.js";
import { checkFormat, decode, logInputs, type NumberedInputs, type RejectedLine } from "./log-inputs.js";
import { type Model, serve } from "./open-model.js";
import { readText } from "./read-text.js";
import { dataOf, openSaved, type SavedModel, trainedOn } from "./saved-model.js";
import { splitInputs } from "./split-inputs.js";

/** A raw log: its path, or its text as it arrives; plain or gzip. */
export interface LogToScore {
  /** The one that the model's data set was prepared from. */
  readonly format: RawFormatName;
  readonly text: string | AsyncIterable<Uint8Array>;
  /** Lines have no label, as in a test file. */
  readonly unlabelled?: boolean;
  /** Share of lines that may be rejected; default 0.001. */
  readonly maxRejects?: number;
}

/** A log with the schema that the model's data set was prepared with. */
export interface SchemaLogToScore {
  /** How the log is cut, where it differs from the data set's schema; null: as that says. */
  readonly schema: LogDefinition | null;
  /** Its path, or the text of a CSV, TSV or JSON lines log as it arrives. */
  readonly text: string | AsyncIterable<Uint8Array>;
  /** Share of rows that may be rejected; default 0.001. */
  readonly maxRejects?: number;
}

export interface PredictOptions {
  /** A run directory or a checkpoint. */
  readonly model: string;
  /** What is scored: a log, or this split of `data`. */
  readonly from: LogToScore | SchemaLogToScore | SplitName;
  /** Prepared data set with the ids and the vocabulary of the model; default: where the run was trained on it. */
  readonly data?: string;
  readonly cacheBytes?: number;
  /** Takes lines `number<TAB>probability`: numbers of lines from 1, of rows of a split from 0. */
  write(text: string): Promise<void> | void;
  readonly signal?: AbortSignal;
  onProgress?(inputs: number): void;
}

export interface PredictReport {
  readonly checkpoint: string;
  readonly step: number;
  readonly inputs: number;
  /** Mean of the probabilities; null without inputs. */
  readonly meanScore: number | null;
  /** Keys that the vocabulary does not have, by table; tables without any are left out. */
  readonly unknownKeys: Readonly<Record<string, number>>;
  readonly rejected: {
    readonly lines: number;
    readonly byReason: Readonly<Record<string, number>>;
    /** At most five. */
    readonly first: readonly RejectedLine[];
  };
  readonly seconds: number;
}

/**
 * Scores a raw log or a split with a trained model, piece by piece in constant memory. The checkpoint is verified first.
 * @throws DataError when more lines are rejected than may be, after the scores of the others were written; FaeError of
 *   every other kind, ERR_INTERRUPTED when `signal` was aborted
 */
export async function predictScores(options: PredictOptions): Promise<PredictReport> {
  const started = performance.now();
  const { from, model: path } = options;
  const saved = await openSaved(path, options.data);
  const data = await dataOf(saved.checkpoint, options.data ?? trainedOn(path, saved.checkpoint));
  const log =
    typeof from === "string"
      ? null
      : "schema" in from
        ? await openSchemaLog(from, saved, data.directory)
        : await openLog(from, saved, data.directory);
  await unlessAborted(verifyCheckpoint(saved.checkpoint), options.signal, "Prediction");
  await using model = await serve(saved, options.cacheBytes);
  const scored = await scoreAll(model, log?.inputs ?? splitInputs(data, from as SplitName), options);
  const rejected = log?.rejected ?? { lines: 0, byReason: {}, first: [] };
  if (typeof from !== "string") checkRejects(rejected, scored.inputs, from.maxRejects ?? 0.001);
  const unknown = (log?.unknown ?? []).filter(({ keys }) => keys > 0);
  return {
    checkpoint: saved.checkpoint.path,
    step: model.step,
    inputs: scored.inputs,
    meanScore: scored.inputs === 0 ? null : scored.sum / scored.inputs,
    unknownKeys: Object.fromEntries(unknown.map(({ table, keys }) => [table, keys])),
    rejected,
    seconds: (performance.now() - started) / 1000,
  };
}

async function openLog({ format, text, unlabelled = false }: LogToScore, { layout }: SavedModel, data: string) {
  const keys = await openKeyIds(data);
  checkFormat(rawFormats[format], (await readManifest(data)).source);
  const rejected = { lines: 0, byReason: {} as Record<string, number>, first: [] as RejectedLine[] };
  const onReject = (line: RejectedLine): void => {
    rejected.lines++;
    rejected.byReason[line.reason] = (rejected.byReason[line.reason] ?? 0) + 1;
    if (rejected.first.length < 5) rejected.first.push(line);
  };
  const inputs = logInputs(readText(text), {
    format: rawFormats[format],
    unlabelled,
    layout,
    keys,
    onReject,
  });
  return { inputs, rejected, unknown: keys.unknown };
}

async function openSchemaLog({ schema, text }: SchemaLogToScore, { layout }: SavedModel, data: string) {
  const scorer = await openLogScorer(data, schema ?? undefined);
  const rejected = { lines: 0, byReason: {} as Record<string, number>, first: [] as RejectedLine[] };
  const onReject = ({ row, reason, column, found }: RowReject): void => {
    rejected.lines++;
    rejected.byReason[reason] = (rejected.byReason[reason] ?? 0) + 1;
    if (rejected.first.length < 5) rejected.first.push({ line: row, reason, field: column ?? 0, found });
  };
  const inputs = (async function* (): AsyncGenerator<NumberedInputs> {
    const pieces = typeof text === "string" ? text : readText(text);
    for await (const { numbers, words } of scorer.rows(pieces, onReject))
      yield { numbers, ...decode(words, numbers.length, layout) };
  })();
  return { inputs, rejected, unknown: scorer.unknown };
}

async function scoreAll(
  model: Model,
  pieces: AsyncIterable<NumberedInputs> | Iterable<NumberedInputs>,
  { write, signal, onProgress }: PredictOptions,
): Promise<{ inputs: number; sum: number }> {
  let inputs = 0;
  let sum = 0;
  for await (const piece of pieces) {
    stopIfAborted(signal, "Prediction");
    const scores = await model.predict(piece);
    let lines = "";
    for (const [i, number] of piece.numbers.entries()) {
      sum += scores[i];
      lines += `${number}\t${Number(scores[i].toPrecision(9))}\n`; // 9 digits tell every float32 apart
    }
    await write(lines);
    inputs += piece.numbers.length;
    onProgress?.(inputs);
  }
  return { inputs, sum };
}

function checkRejects({ lines, first }: PredictReport["rejected"], inputs: number, maxRejects: number): void {
  if (lines <= maxRejects * (inputs + lines)) return;
  const shown = first.map(({ line, reason, field, found }) => `line ${line}: ${reason} (field ${field}, '${found}')`);
  throw new DataError(`${lines} of ${inputs + lines} lines were rejected: ${shown.join("; ")}.`, {
    fix: "Check --format and --unlabelled, correct the lines, or allow more with --max-rejects.",
    details: { rejected: lines, lines: inputs + lines, maxRejects },
  });
}
