import { type BatchSource, DataError, openRows, type RowLayout, strideWords, UnsupportedError } from "@fae/core";
import { type LogForm, lineParser, lineScanner, logForm, type RawFormat, rejectOf } from "@fae/datasets";
import type { KeyIds } from "./key-ids.js";
import type { ModelInputs } from "./open-model.js";
import { peekLine } from "./read-text.js";

/** Inputs with the numbers under which their scores are told: lines of a log from 1, rows of a split from 0. */
export interface NumberedInputs extends ModelInputs {
  readonly numbers: readonly number[];
}

/** A line that gets no score. */
export interface RejectedLine {
  readonly line: number;
  readonly reason: string;
  /** 1-based field at fault, or the name of its column; 0 when it is the line. */
  readonly field: number | string;
  readonly found: string;
}

export interface LogInputs {
  /** Path of the log for messages, `-` for a stream. */
  readonly path: string;
  readonly format: RawFormat;
  /** Whether lines lack the label, as those of a test file. */
  readonly unlabelled: boolean;
  readonly layout: RowLayout;
  readonly keys: KeyIds;
  onReject(line: RejectedLine): void;
}

const maxLineBytes = 65536;

/**
 * Checks that lines of a log are inputs of a model. That two logs are cut alike, as those of Criteo are, is not enough: their
 * keys were made anonymous apart, so that the same key means something else.
 * @param source log that the data set of the model was prepared from
 * @throws UnsupportedError for a log in which a line is no input, DataError for another log than the model's
 */
export function checkFormat(format: RawFormat, source: string): void {
  if (format.split === "series")
    throw new UnsupportedError(`A line of ${format.name} is one action of a user, not an input.`, {
      fix: "Prepare the log and predict on the data set: it holds the series that are made of the actions.",
      details: { format: format.name },
    });
  if (format.name === source) return;
  throw new DataError(`The model was trained on ${source}: keys of ${format.name} mean nothing to it.`, {
    fix: `Give a log ${source === "schema" ? "with its schema (leave --format out)" : `of ${source}`}, or a model that was trained on ${format.name}.`,
    details: { found: format.name, expected: source },
  });
}

/**
 * Turns the text of a raw log into inputs as `prepare` does, line by line as the text arrives. The label is read and not used.
 * @throws DataError when the text is of another kind: what arrives up to the first line end is looked at before
 */
export async function* logInputs(text: AsyncIterable<Uint8Array>, options: LogInputs): AsyncGenerator<NumberedInputs> {
  const { start, isWhole, all, close } = await peekLine(text, maxLineBytes);
  try {
    const { format, path, unlabelled } = options;
    const form = logForm(format, { path, isGzip: path.endsWith(".gz"), unlabelled }, start, isWhole);
    yield* parsedInputs(all, form, options);
  } finally {
    await close();
  }
}

async function* parsedInputs(
  text: AsyncIterable<Uint8Array>,
  { line, hasHeader }: LogForm,
  { format, unlabelled, layout, keys, onReject }: LogInputs,
): AsyncGenerator<NumberedInputs> {
  const parse = lineParser(line);
  const stride = strideWords(layout);
  const labelWords = unlabelled ? 1 : 0;
  let words = new Int32Array(0);
  let numbers: number[] = [];
  let lines = 0;

  const add = (bytes: Uint8Array, start: number, end: number): boolean => {
    lines++;
    if (lines === 1 && hasHeader) return true;
    if ((numbers.length + 1) * stride > words.length) words = grown(words, 256 * stride);
    const at = numbers.length * stride;
    if (parse(bytes, start, end, words, at + labelWords)) {
      for (let t = 0; t < keys.unknown.length; t++) {
        const word = at + format.keysAt + t;
        words[word] = keys.id(t, words[word]);
      }
      if (unlabelled) words[at] = 0;
      numbers.push(lines);
    } else {
      const why = rejectOf(line, bytes, start, end);
      onReject({ line: lines, reason: why?.reason ?? "malformed", field: why?.field ?? 0, found: why?.found ?? "" });
    }
    return true;
  };
  const scanner = lineScanner({
    offset: 0,
    skipsFirst: false,
    maxLineBytes,
    onLine: add,
    onLongLine() {
      onReject({ line: ++lines, reason: "line-too-long", field: 0, found: "" });
      return true;
    },
  });
  const take = (): NumberedInputs => {
    const taken = { numbers, ...decode(words.slice(0, numbers.length * stride), numbers.length, layout) };
    numbers = [];
    return taken;
  };
  for await (const chunk of text) {
    scanner.feed(chunk);
    if (numbers.length > 0) yield take();
  }
  scanner.finish();
  if (numbers.length > 0) yield take();
}

function grown(words: Int32Array, least: number): Int32Array<ArrayBuffer> {
  const more = new Int32Array(Math.max(least, 2 * words.length));
  more.set(words);
  return more;
}

/** Words in the layout of prepared rows are read as those are: what training saw is what is scored. */
export function decode(words: Int32Array<ArrayBuffer>, rows: number, layout: RowLayout): ModelInputs {
  const storage = { kind: "memory", words: new Uint32Array(words.buffer) } as const;
  const source: BatchSource = { name: "log", layout, rows, storage, shuffleSeed: null };
  using reader = openRows(source, { batch: rows });
  return reader.read(0, null);
}
