import { DataError } from "@fae/core";
import type { RawFormat } from "../raw-format.js";
import { rawFormats } from "../raw-formats.js";
import type { Field } from "./field.js";
import { quoted } from "./file-kind.js";
import { isHeader } from "./header.js";
import { rejectOf } from "./reject.js";

/** Where a text comes from, for messages, and how it is read. */
export interface LogSource {
  /** Path of the file; `-` for a text that comes from elsewhere, such as standard input. */
  readonly path: string;
  readonly isGzip: boolean;
  /** The lines are to lack the label, as those of a test file. */
  readonly unlabelled: boolean;
}

/** A line of the beginning of a log, without its line end. */
export interface SampleLine {
  readonly bytes: Uint8Array;
  /** In latin1: one character a byte. */
  readonly text: string;
}

interface Finding {
  /** For "'x' ...". */
  readonly what: string;
  readonly fix: string;
}

/** What a check looks at. */
interface Case {
  readonly format: RawFormat;
  readonly source: LogSource;
  /** Fields that a line must have. */
  readonly fields: readonly Field[];
  /** Texts of the lines, names of columns included. */
  readonly texts: readonly string[];
}

type Check = (seen: Case) => Finding | null;

/**
 * Says what is wrong with a log of which no line of the sample is an input, when it is wrong in the same way everywhere.
 * Returns when it finds no reason: then the lines are simply malformed.
 * @throws DataError with what was found and the command that mends it
 */
export function diagnose(
  format: RawFormat,
  source: LogSource,
  fields: readonly Field[],
  lines: readonly SampleLine[],
): void {
  const seen = { format, source, fields, texts: lines.map(({ text }) => text) };
  for (const check of checks) {
    const finding = check(seen);
    if (!finding) continue;
    throw new DataError(`${named(source)} ${finding.what}.`, {
      fix: finding.fix,
      details: { path: source.path, line: 1, found: seen.texts[0].slice(0, 300), expected: format.title },
    });
  }
}

/** The log in a sentence. */
export const named = ({ path }: LogSource): string => (path === "-" ? "The log" : `'${path}'`);

const delimiters = { "\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars", " ": "spaces" } as const;
type Delimiter = keyof typeof delimiters;

/** Lines that are to be inputs: all, or all but a header. */
const inputs = (texts: readonly string[], delimiter: string) =>
  isHeader(texts[0].split(delimiter)) ? texts.slice(1) : texts;

/** Whether the texts are lines of these fields: all have as many, and one of them at least is right. */
function fits(texts: readonly string[], delimiter: string, fields: readonly Field[], usual: "\t" | ","): boolean {
  const cut = inputs(texts, delimiter).map((text) => text.split(delimiter));
  if (!cut.every(({ length }) => length === fields.length)) return false;
  return cut.some((parts) => {
    const bytes = Buffer.from(parts.join(usual), "latin1");
    return rejectOf({ delimiter: usual, fields }, bytes, 0, bytes.length) === null;
  });
}

/** The command that turns the file into `name` by a filter. */
function filtered({ path, isGzip }: LogSource, filter: string, name: string): string {
  if (path === "-") return filter;
  return isGzip ? `zcat ${quoted(path)} | ${filter} > ${name}` : `${filter} < ${quoted(path)} > ${name}`;
}

/** Name of the file that a mend writes. */
const mended = ({ line }: RawFormat) => (line.delimiter === "\t" ? "mended.tsv" : "mended.csv");

/** The delimiter as `tr` and `cut` take it. */
const inShell = (delimiter: string) => (delimiter === "\t" ? "'\\t'" : delimiter === "," ? "," : `'${delimiter}'`);

const known = Object.keys(delimiters) as Delimiter[];

const checks: readonly Check[] = [
  function oldLineEnds({ source, format, texts }) {
    if (texts.length > 1 || !texts[0].includes("\r")) return null;
    const fix = `Convert them: ${filtered(source, "tr '\\r' '\\n'", mended(format))}`;
    return { what: "has no line feeds: its lines end in CR alone", fix };
  },

  function labels({ format, source, fields, texts }) {
    const all = format.line.fields;
    const wanted = source.unlabelled ? all : all.filter(({ kind }) => kind !== "label");
    if (wanted.length === fields.length) return null;
    const { delimiter } = format.line;
    if (![delimiter, delimiter === "," ? "\t" : ","].some((d) => fits(texts, d, wanted, delimiter))) return null;
    if (source.unlabelled) {
      return { what: `has labels: ${all.length} fields a line`, fix: "Leave --unlabelled out." };
    }
    const score = `fae predict RUN ${quoted(source.path)} --format ${format.name} --unlabelled`;
    return {
      what: `has no labels, as a test file: ${wanted.length} fields a line instead of ${all.length}`,
      fix: `Train on the labelled log (${format.fileNames[0]}); score this one with ${score}`,
    };
  },

  function separators({ format, source, fields, texts }) {
    const { delimiter } = format.line;
    const found = known.find((d) => d !== delimiter && fits(texts, d, fields, delimiter));
    if (!found) return null;
    const fix = `Convert it: ${filtered(source, `tr ${inShell(found)} ${inShell(delimiter)}`, mended(format))}`;
    return { what: `has ${delimiters[found]} between its fields, expected ${delimiters[delimiter]}`, fix };
  },

  function quotes({ format, source, fields, texts }) {
    const bare = texts.map((text) => text.replaceAll('"', ""));
    const { delimiter } = format.line;
    if (bare.every((text, i) => text === texts[i])) return null;
    if (![delimiter, delimiter === "," ? "\t" : ","].some((d) => fits(bare, d, fields, delimiter))) return null;
    return {
      what: "has quotation marks around its fields",
      fix: `Take them away: ${filtered(source, "tr -d '\"'", mended(format))}`,
    };
  },

  function otherLogs({ format, source, texts }) {
    const found = Object.values(rawFormats).find(
      ({ line }) =>
        line.fields.length !== format.line.fields.length && fits(texts, line.delimiter, line.fields, line.delimiter),
    );
    if (!found) return null;
    return {
      what: `is a log of ${found.title}, not of ${format.title}`,
      fix: `Give the format ${found.name}, or a log of ${format.name} instead of ${quoted(source.path)}.`,
    };
  },

  function extraColumn({ format, source, fields, texts }) {
    const { length } = fields;
    for (const d of ["\t", ","] as const) {
      const cut = texts.map((text) => text.split(d));
      if (!cut.every((parts) => parts.length === length + 1)) continue;
      const without = (drop: number) => cut.map((parts) => parts.filter((_, i) => i !== drop).join(d));
      const drop = [0, length].find((column) => fits(without(column), d, fields, format.line.delimiter));
      if (drop === undefined) continue;
      const rest = drop === 0 ? "-f 2-" : `-f -${length}`;
      const filter = d === "\t" ? `cut ${rest}` : `cut -d ${inShell(d)} ${rest}`;
      const what = `has ${length + 1} columns, expected ${length}: the ${drop === 0 ? "first" : "last"} is not of the log`;
      return { what, fix: `Leave it out: ${filtered(source, filter, mended(format))}` };
    }
    return null;
  },
];
