import { existsSync } from "node:fs";
import type { SplitName } from "@fae/core";
import { checkOptions, DataError, dataKinds, is, type Kind, type Shape } from "@fae/core";
import { type LogDefinition, openLogScorer, type RawFormatName, type RowReject, rawFormats } from "@fae/datasets";
import { verifyCheckpoint } from "@fae/embedding-store";
import { stopIfAborted, unlessAborted } from "../cli/interrupted.js";
import { openKeyIds } from "./key-ids.js";
import { checkFormat, decode, logInputs, type NumberedInputs, type RejectedLine } from "./log-inputs.js";
import { carriedKeys, dataKeys, type ModelKeys } from "./model-keys.js";
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
  /**
   * Prepared data set with the ids of the model: the one to score a split of, or whose schema a log has (default: where the run
   * was trained), or the vocabulary for raw lines of a model that carries none.
   */
  readonly data?: string;
  /** Leaves scores as the model learnt them where its training data were thinned; default: corrected. */
  readonly uncorrected?: boolean;
  readonly cacheBytes?: number;
  /** Takes lines `number<TAB>probability`: numbers of lines from 1, of rows of a split from 0. */
  write(text: string): Promise<void> | void;
  readonly signal?: AbortSignal;
  onProgress?(inputs: number): void;
}

const isStream = (found: unknown): boolean =>
  typeof found === "object" && found !== null && Symbol.asyncIterator in found;
const streamOrPath: Kind = (found, option) =>
  is.text(found, option) && { option, found, expected: "a path, or an async iterable of bytes" };

const logKind = is.options<LogToScore>({
  format: is.oneOf(Object.keys(rawFormats)),
  text: (found, option) => (isStream(found) ? undefined : streamOrPath(found, option)),
  unlabelled: is.maybe(is.flag),
  maxRejects: is.maybe(is.number("a share from 0 to 1", (share) => share >= 0 && share <= 1)),
});

const schemaLogKind = is.options<SchemaLogToScore>({
  schema: is.orNull(is.having("what defineLog returned", { where: is.call, directory: is.text })),
  text: (found, option) => (isStream(found) ? undefined : streamOrPath(found, option)),
  maxRejects: is.maybe(is.number("a share from 0 to 1", (share) => share >= 0 && share <= 1)),
});

const fromKind: Kind = (found, option) => {
  if (typeof found !== "object") return dataKinds.split(found, option);
  return (found !== null && "schema" in found ? schemaLogKind : logKind)(found, option);
};

const kinds: Shape<PredictOptions> = {
  model: is.text,
  from: fromKind,
  data: is.maybe(is.text),
  cacheBytes: is.maybe(is.whole()),
  uncorrected: is.maybe(is.flag),
  write: is.call,
  signal: is.maybe(is.signal),
  onProgress: is.maybe(is.call),
};

export interface PredictReport {
  readonly checkpoint: string;
  readonly step: number;
  readonly inputs: number;
  /** Share of the training inputs without a click that were kept: below 1 scores are corrected for it, unless `uncorrected`. */
  readonly keptNegatives: number;
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
  checkOptions("predictScores", options, kinds);
  const started = performance.now();
  const { from, model: path } = options;
  const saved = await openSaved(path, options.data);
  const dataSet = () => dataOf(saved.checkpoint, options.data ?? trainedOn(path, saved.checkpoint));
  const log =
    typeof from === "string"
      ? null
      : "schema" in from
        ? await openSchemaLog(from, saved, await schemaData(options, saved))
        : await openLog(from, saved, await keysFor(saved, options, dataSet));
  const inputs = log?.inputs ?? splitInputs(await dataSet(), from as SplitName);
  await unlessAborted(verifyCheckpoint(saved.checkpoint), options.signal, "Prediction");
  await using model = await serve(saved, options);
  const scored = await scoreAll(model, inputs, options);
  const rejected = log?.rejected ?? { lines: 0, byReason: {}, first: [] };
  if (typeof from !== "string") checkRejects(rejected, scored.inputs, from.maxRejects ?? 0.001);
  const unknown = (log?.unknown ?? []).filter(({ keys }) => keys > 0);
  return {
    checkpoint: saved.checkpoint.path,
    step: model.step,
    inputs: scored.inputs,
    keptNegatives: saved.keptNegatives,
    meanScore: scored.inputs === 0 ? null : scored.sum / scored.inputs,
    unknownKeys: Object.fromEntries(unknown.map(({ table, keys }) => [table, keys])),
    rejected,
    seconds: (performance.now() - started) / 1000,
  };
}

/** Directory of the data set that has the schema and the keys of a model. @throws DataError when it is gone, or of other ids */
async function schemaData({ data, model }: PredictOptions, { checkpoint }: SavedModel): Promise<string> {
  const directory = data ?? trainedOn(model, checkpoint);
  if (existsSync(directory)) return (await dataOf(checkpoint, directory)).directory;
  throw new DataError(`'${directory}' is gone: it has the schema and the keys that lines of the log are read with.`, {
    fix: "Name the prepared data set with --data; a model does not carry keys that are texts.",
    details: { path: directory },
  });
}

/** What the model itself carries; else its data set, which is checked wherever it is named. */
async function keysFor(
  { checkpoint }: SavedModel,
  { data }: PredictOptions,
  dataSet: () => ReturnType<typeof dataOf>,
): Promise<ModelKeys> {
  const carried = carriedKeys(checkpoint);
  if (carried !== null && data === undefined) return carried;
  return dataKeys(await dataSet());
}

async function openLog(
  { format, text, unlabelled = false }: LogToScore,
  { layout, checkpoint }: SavedModel,
  modelKeys: ModelKeys,
) {
  const { source } = modelKeys.ids;
  if (source === "schema") checkFormat(rawFormats[format], source); // its keys are none of a raw log
  const keys = await openKeyIds(modelKeys, checkpoint.path);
  checkFormat(rawFormats[format], source);
  const rejected = { lines: 0, byReason: {} as Record<string, number>, first: [] as RejectedLine[] };
  const onReject = (line: RejectedLine): void => {
    rejected.lines++;
    rejected.byReason[line.reason] = (rejected.byReason[line.reason] ?? 0) + 1;
    if (rejected.first.length < 5) rejected.first.push(line);
  };
  const inputs = logInputs(readText(text), {
    path: typeof text === "string" ? text : "-",
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
