import { DataError } from "@fae/core";
import type { RawFormat } from "../raw-format.js";
import { diagnose, type LogSource, named, type SampleLine } from "./diagnose.js";
import type { LineFormat } from "./field.js";
import { fileKind } from "./file-kind.js";
import { isHeader, movedColumn } from "./header.js";
import { rejectOf } from "./reject.js";

/** How the lines of one file are written. */
export interface LogForm {
  readonly line: LineFormat;
  /** The first line names the columns and is no input. */
  readonly hasHeader: boolean;
}

const mostLines = 200;

/**
 * Finds out how a log is written from the beginning of its text: with tabs or commas, with or without names of columns. Commas
 * are taken where tabs are usual, and tabs where commas are, when every line of the sample has the right number of fields then
 * and one of them is an input. What is only malformed stays for the parser to reject.
 *
 * @param text at least the first line; an unfinished last line is left out unless `isWhole`.
 * @throws DataError when the file is of another kind: it says which and what to do.
 */
export function logForm(format: RawFormat, source: LogSource, text: Uint8Array, isWhole: boolean): LogForm {
  const kind = fileKind(text);
  if (kind) {
    throw new DataError(`${named(source)} ${source.isGzip ? "holds" : "is"} ${kind.what}, not the lines of a log.`, {
      fix: kind.fix(source.path),
      details: { path: source.path, found: kind.what },
    });
  }
  const fields = format.line.fields.filter(({ kind }) => !(source.unlabelled && kind === "label"));
  const usual: LineFormat = { delimiter: format.line.delimiter, fields };
  const other: LineFormat = { delimiter: usual.delimiter === "," ? "\t" : ",", fields };
  const lines = sampleLines(text, isWhole);
  if (lines.length === 0) return { line: usual, hasHeader: false };
  const isInput = (line: LineFormat) => (sample: SampleLine) =>
    rejectOf(line, sample.bytes, 0, sample.bytes.length) === null;
  const inputsOf = (line: LineFormat) => (isHeader(lines[0].text.split(line.delimiter)) ? lines.slice(1) : lines);
  if (!inputsOf(usual).some(isInput(usual))) {
    const swapped = inputsOf(other);
    const fits = swapped.every(({ text }) => text.split(other.delimiter).length === fields.length);
    if (fits && swapped.some(isInput(other))) return withHeader(source, other, lines);
    diagnose(format, source, fields, lines);
  }
  return withHeader(source, usual, lines);
}

/** @throws DataError when the header says that the columns are others */
function withHeader(source: LogSource, line: LineFormat, lines: readonly SampleLine[]): LogForm {
  const [{ text }] = lines;
  const names = text.split(line.delimiter);
  if (!isHeader(names)) return { line, hasHeader: false };
  const expected = line.fields.map(({ name }) => name).join(line.delimiter);
  const wrong = (problem: string) =>
    new DataError(`${named(source)} has the header '${text.slice(0, 300)}': ${problem}.`, {
      fix: "Put the columns in the order of the published log.",
      details: { path: source.path, line: 1, found: text.slice(0, 300), expected },
    });
  if (names.length !== line.fields.length)
    throw wrong(`${names.length} columns, expected ${line.fields.length} ('${expected}')`);
  const moved = movedColumn(names, line.fields);
  if (moved) throw wrong(`'${moved.name}' is column ${moved.found}, expected column ${moved.expected}`);
  return { line, hasHeader: true };
}

/** The first lines of a text without their line ends; empty ones are left out, but for the first. */
function sampleLines(text: Uint8Array, isWhole: boolean): SampleLine[] {
  const lines: SampleLine[] = [];
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  for (let from = 0; from < bytes.length && lines.length < mostLines; ) {
    const found = bytes.indexOf(10, from);
    // Where nothing but CR ends lines, there is one line, however long the text.
    if (found < 0 && !isWhole && !(from === 0 && bytes.includes(13))) break;
    const end = found < 0 ? bytes.length : found;
    const marked = from === 0 && bytes.indexOf("\ufeff") === 0 ? 3 : from;
    const line = bytes.subarray(marked, end > marked && bytes[end - 1] === 13 ? end - 1 : end);
    if (line.length > 0 || from === 0) lines.push({ bytes: line, text: line.toString("latin1") });
    from = end + 1;
  }
  return lines;
}
