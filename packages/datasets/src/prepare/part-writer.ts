import type { RawFormat } from "../raw-format.js";
import { isKept } from "../text/field.js";
import { lineParser } from "../text/parse-line.js";
import { type RejectReason, rejectOf, rejectReasons } from "../text/reject.js";
import { drawsFor, purposes } from "./draws.js";
import { bytesOf, openSink } from "./files.js";
import { IntDictionary } from "./int-dictionary.js";
import {
  type HourAt,
  type PartHours,
  type PartRecord,
  partName,
  partPath,
  type RawFile,
  type ReadOptions,
  type ShownReject,
} from "./part.js";
import { writeRecord } from "./records.js";
import { blockRows, columnStep, newBlock, writeBlock } from "./row-blocks.js";
import type { Written } from "./written.js";

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

/** What a worker lends to one part after the other, so that its memory is used again. */
export interface PartMemory {
  readonly dictionary: IntDictionary;
  /** Of the stride of one format. */
  readonly blocks: Int32Array[];
  /** Keys per table of the part before: this one will have about as many. */
  uniques: readonly number[];
}

export const newPartMemory = (): PartMemory => ({ dictionary: new IntDictionary(), blocks: [], uniques: [] });

/**
 * Writes one part. Hashed rows leave block by block. With a dictionary all rows are held until the end: numbering one table
 * over the whole part, then the next, keeps one dictionary at a time in the caches.
 */
export function openPart(
  work: string,
  format: RawFormat,
  options: ReadOptions,
  memory: PartMemory,
  raw: RawFile,
  part: number,
): PartWriter {
  const { file } = raw;
  const { line } = raw.form;
  const path = (ending: string) => partPath(work, file, part, ending);
  const step = columnStep(blockRows);
  const hour = new Int32Array(1);
  const parse = lineParser(line, step, hour);
  const stride = parsedWords(format);
  const { keysAt } = format;
  const tables = format.tables.length;
  const { modulo } = options;
  const drops = options.dropNegatives > 0;
  const trains = file < options.trainFiles;
  const draws = drawsFor(options.seed, purposes.dropNegative);
  const hasDictionary = options.ids === "dictionary";
  const { dictionary, blocks } = memory;

  const rows = openSink(path("rows"), 0);
  const rejects = openSink(path("rejects"));
  const keep = drops ? openSink(path("keep")) : null;
  const rejectWords = new Uint32Array(4);
  const keepByte = new Uint8Array(1);
  const byReason: Record<string, number> = {};
  const firstRejects: ShownReject[] = [];
  const constants = newConstants(format);
  let block = blockAt(blocks, 0, stride);
  let used = 0;
  let fullBlocks = 0;
  let lines = 0;
  let crlf = 0;
  let accepted = 0;
  let kept = 0;
  let stored = 0;
  let rejected = 0;
  let first: HourAt = { line: 0, offset: 0, hour: 0 };
  let lastHour = 0;
  let fall: PartHours["fall"] = null;

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

  const endBlock = () => {
    constants.see(block, used, step);
    if (modulo !== 0) {
      for (let t = keysAt; t < keysAt + tables; t++) takeModulo(block, t * step, t * step + used, modulo);
    }
    if (!hasDictionary) writeBlock(rows, block, used, stride);
  };

  const nextBlock = () => {
    endBlock();
    if (hasDictionary) block = blockAt(blocks, ++fullBlocks, stride);
    used = 0;
  };

  /** Numbers the keys table by table and writes all rows; returns how many keys each table has. */
  const number = (): { uniques: number[]; keys: Written } => {
    const rowsIn = (b: number) => (b < fullBlocks ? blockRows : used);
    const keys = openSink(path("keys"));
    const uniques = format.tables.map((_, t) => {
      dictionary.clear(memory.uniques[t]);
      for (let b = 0; b <= fullBlocks; b++) {
        const from = (keysAt + t) * step;
        dictionary.addAll(blocks[b], from, from + rowsIn(b));
      }
      keys.write(bytesOf(dictionary.keys));
      return dictionary.size;
    });
    const file = keys.close();
    for (let b = 0; b <= fullBlocks; b++) writeBlock(rows, blocks[b], rowsIn(b), stride);
    return { uniques, keys: file };
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
      if (used === blockRows) nextBlock();
      if (!parse(bytes, start, end, block, used)) {
        const why = rejectOf(line, bytes, start, end);
        if (!why) throw new Error(`The two parsers of ${format.name} disagree at byte ${offset} of file ${file}.`);
        return reject(why.reason, why.field, why.found, offset);
      }
      const isDropped =
        drops && block[used] === 0 && draws.unit(offset, offset / 4294967296, file) < options.dropNegatives;
      keepBit(!isDropped);
      if (accepted === 0) first = { line: lines, offset, hour: hour[0] };
      else if (hour[0] < lastHour) fall ??= { line: lines, offset, before: lastHour, hour: hour[0] };
      lastHour = hour[0];
      accepted++;
      if (!isDropped) kept++;
      if (isDropped && trains) return;
      stored++;
      used++;
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
      endBlock();
      const numbered = hasDictionary ? number() : null;
      const uniques = numbered?.uniques ?? [];
      memory.uniques = uniques;
      const written = [rows.close(), rejects.close(), ...(numbered ? [numbered.keys] : [])];
      if (keep) {
        if ((accepted & 7) !== 0) keep.write(keepByte);
        written.push(keep.close());
      }
      const hours = lastHour === 0 ? null : { first, last: lastHour, fall };
      const counts = { file, part, lines, crlf, accepted, kept, rows: stored, rejected, byReason, firstRejects };
      const record = { ...counts, hours, constants: constants.found(), uniques, written };
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

function blockAt(blocks: Int32Array[], index: number, stride: number): Int32Array {
  blocks[index] ??= newBlock(stride);
  return blocks[index];
}

function takeModulo(words: Int32Array, from: number, to: number, modulo: number): void {
  for (let at = from; at < to; at++) words[at] = (words[at] >>> 0) % (modulo >>> 0);
}

/** Which dense columns hold one value alone. A column is left at its first other value, so that it costs next to nothing. */
function newConstants({ keysAt }: RawFormat) {
  const values = new Array<number | null | undefined>(Math.max(0, keysAt - 1)).fill(undefined);
  return {
    see(block: Int32Array, rows: number, step: number): void {
      for (let column = 0; column < values.length; column++) {
        if (values[column] === null || rows === 0) continue;
        const from = (column + 1) * step;
        const value = values[column] ?? block[from];
        let at = from;
        while (at < from + rows && block[at] === value) at++;
        values[column] = at < from + rows ? null : value;
      }
    },
    found: (): (number | null)[] => values.map((value) => value ?? null),
  };
}
