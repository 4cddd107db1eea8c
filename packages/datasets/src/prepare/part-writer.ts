import type { RawFormat } from "../raw-format.js";
import { isKept } from "../text/field.js";
import { lineParser } from "../text/parse-line.js";
import { type RejectReason, rejectOf, rejectReasons } from "../text/reject.js";
import { drawsFor, purposes } from "./draws.js";
import { bytesOf, openSink } from "./files.js";
import { IntDictionary } from "./int-dictionary.js";
import { type PartRecord, partName, partPath, type ReadOptions, type ShownReject } from "./part.js";
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
  file: number,
  part: number,
): PartWriter {
  const path = (ending: string) => partPath(work, file, part, ending);
  const step = columnStep(blockRows);
  const parse = lineParser(format.line, step);
  const stride = parsedWords(format);
  const { keysAt } = format;
  const tables = format.tables.length;
  const { modulo } = options;
  const drops = options.dropNegatives > 0;
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
  let block = blockAt(blocks, 0, stride);
  let used = 0;
  let fullBlocks = 0;
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

  const endBlock = () => {
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
        const why = rejectOf(format.line, bytes, start, end);
        if (!why) throw new Error(`The two parsers of ${format.name} disagree at byte ${offset} of file ${file}.`);
        return reject(why.reason, why.field, why.found, offset);
      }
      const isDropped =
        drops && block[used] === 0 && draws.unit(offset, offset / 4294967296, file) < options.dropNegatives;
      keepBit(!isDropped);
      accepted++;
      if (isDropped) return;
      kept++;
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
      const record = { file, part, lines, crlf, accepted, kept, rejected, byReason, firstRejects, uniques, written };
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
