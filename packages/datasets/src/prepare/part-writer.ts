import type { RawFormat } from "../raw-format.js";
import { isKept } from "../text/field.js";
import { lineParser } from "../text/parse-line.js";
import { type RejectReason, rejectOf, rejectReasons } from "../text/reject.js";
import { drawsFor, purposes } from "./draws.js";
import { bytesOf, openSink } from "./files.js";
import type { IntDictionary } from "./int-dictionary.js";
import { type PartRecord, partName, partPath, type ReadOptions, type ShownReject } from "./part.js";
import { writeRecord } from "./records.js";

/** A line that was parsed or rejected: bytes `[start, end)`, where it starts in the text, whether it ended in CR LF. */
export interface PartWriter {
  add(bytes: Uint8Array, start: number, end: number, offset: number, isCrlf: boolean): void;
  /** A line that was too long to hold. */
  addLong(offset: number): void;
  /** A line that is no input, such as a header. */
  skip(isCrlf: boolean): void;
  /** Completes the files of the part and records it. */
  finish(): PartRecord;
  abandon(): void;
}

/** Words of one parsed line. */
export const parsedWords = (format: RawFormat): number => format.line.fields.filter(({ kind }) => isKept(kind)).length;

const shownRejects = 5;
/** Keys are numbered table by table over this many rows, so that one dictionary at a time fills the cache. */
const bufferRows = 16384;

/**
 * Writes one part. `dictionaries` (one a table, cleared here) are lent by the worker so that their memory is used again;
 * none in hash mode.
 */
export function openPart(
  work: string,
  format: RawFormat,
  options: ReadOptions,
  dictionaries: readonly IntDictionary[],
  file: number,
  part: number,
): PartWriter {
  const path = (ending: string) => partPath(work, file, part, ending);
  const parse = lineParser(format.line);
  const stride = parsedWords(format);
  const { keysAt } = format;
  const tables = format.tables.length;
  const { modulo } = options;
  const drops = options.dropNegatives > 0;
  const draws = drawsFor(options.seed, purposes.dropNegative);
  const hasDictionary = options.ids === "dictionary";
  for (const dictionary of dictionaries) dictionary.clear();

  const rows = openSink(path("rows"), 0);
  const rejects = openSink(path("rejects"));
  const keep = drops ? openSink(path("keep")) : null;
  const buffer = new Int32Array(bufferRows * stride);
  const rejectWords = new Uint32Array(4);
  const keepByte = new Uint8Array(1);
  const byReason: Record<string, number> = {};
  const firstRejects: ShownReject[] = [];
  let used = 0;
  let lines = 0;
  let crlf = 0;
  let accepted = 0;
  let kept = 0;
  let rejected = 0;

  const reject = (reason: RejectReason, field: number, found: string, offset: number) => {
    rejected++;
    byReason[reason] = (byReason[reason] ?? 0) + 1;
    if (firstRejects.length < shownRejects) firstRejects.push({ line: lines, offset, reason, field, found });
    rejectWords[0] = lines;
    rejectWords[1] = offset >>> 0;
    rejectWords[2] = Math.floor(offset / 4294967296);
    rejectWords[3] = rejectReasons.indexOf(reason) | (field << 8);
    rejects.write(bytesOf(rejectWords));
  };

  const flush = () => {
    for (let t = 0; t < tables; t++) {
      if (modulo !== 0) takeModulo(buffer, keysAt + t, used, stride, modulo);
      if (hasDictionary) numberColumn(buffer, keysAt + t, used, stride, dictionaries[t]);
    }
    rows.write(bytesOf(buffer.subarray(0, used)));
    used = 0;
  };

  const keepBit = (isKept: boolean) => {
    if (!keep) return;
    if (isKept) keepByte[0] |= 1 << (accepted & 7);
    if ((accepted & 7) === 7) {
      keep.write(keepByte);
      keepByte[0] = 0;
    }
  };

  return {
    add(bytes, start, end, offset, isCrlf) {
      lines++;
      if (isCrlf) crlf++;
      if (!parse(bytes, start, end, buffer, used)) {
        const why = rejectOf(format.line, bytes, start, end);
        if (!why) throw new Error(`The two parsers of ${format.name} disagree at byte ${offset} of file ${file}.`);
        return reject(why.reason, why.field, why.found, offset);
      }
      const isDropped =
        drops && buffer[used] === 0 && draws.unit(offset, offset / 4294967296, file) < options.dropNegatives;
      keepBit(!isDropped);
      accepted++;
      if (isDropped) return;
      kept++;
      used += stride;
      if (used === buffer.length) flush();
    },
    addLong(offset) {
      lines++;
      reject("line-too-long", 0, "", offset);
    },
    skip(isCrlf) {
      lines++;
      if (isCrlf) crlf++;
    },
    finish() {
      flush();
      rows.close();
      rejects.close();
      if (keep) {
        if ((accepted & 7) !== 0) keep.write(keepByte);
        keep.close();
      }
      if (hasDictionary) {
        const keys = openSink(path("keys"));
        for (const dictionary of dictionaries) keys.write(bytesOf(dictionary.keys));
        keys.close();
      }
      const uniques = dictionaries.map(({ size }) => size);
      const record = { file, part, lines, crlf, accepted, kept, rejected, byReason, firstRejects, uniques };
      writeRecord(work, partName(file, part), record);
      return record;
    },
    abandon() {
      rows.abandon();
      rejects.abandon();
      keep?.abandon();
    },
  };
}

function takeModulo(words: Int32Array, from: number, to: number, stride: number, modulo: number): void {
  for (let at = from; at < to; at += stride) words[at] = (words[at] >>> 0) % (modulo >>> 0);
}

function numberColumn(words: Int32Array, from: number, to: number, stride: number, dictionary: IntDictionary): void {
  for (let at = from; at < to; at += stride) words[at] = dictionary.add(words[at]);
}
