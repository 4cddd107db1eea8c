import { checkOptions } from "@fae/core";
import { scanKinds } from "../call-kinds.js";
/**
 * A line, without its line end: bytes `[start, end)` of `bytes`, valid during the call only. `offset` is where it starts in
 * the text, `isCrlf` whether it ended in CR LF. Returning false ends the scan.
 */
export type OnLine = (bytes: Uint8Array, start: number, end: number, offset: number, isCrlf: boolean) => boolean;

export interface LineScanner {
  /** Takes the next bytes of the text; false when the scan is over. */
  feed(bytes: Uint8Array): boolean;
  /** The text is over: hands on a last line without a line end. */
  finish(): void;
  /** Where the next line that may be handed on starts, at the earliest. */
  lineOffset(): number;
}

export interface ScanOptions {
  /** Where in the text the first byte fed lies. */
  readonly offset: number;
  /** The first byte fed belongs to a line that started before: begin after the next line end. */
  readonly skipsFirst: boolean;
  readonly maxLineBytes: number;
  readonly onLine: OnLine;
  /** A line of more than `maxLineBytes`: told where it starts, its bytes are skipped and never held. */
  readonly onLongLine: (offset: number) => boolean;
}

const lineFeed = 10;
const carriageReturn = 13;
/** What some editors put before a text in UTF-8. */
const byteOrderMark = [0xef, 0xbb, 0xbf] as const;

/**
 * Cuts a text that arrives in pieces into lines. Lines inside a piece are handed on in place; only a line that spans two
 * pieces is copied. A byte order mark at offset 0 is counted, and belongs to no line.
 */
export function lineScanner(options: ScanOptions): LineScanner {
  checkOptions<ScanOptions>("lineScanner", options, scanKinds);
  const { offset, skipsFirst, maxLineBytes, onLine, onLongLine } = options;
  // A Buffer like the pieces, so that the parser is compiled for one kind of array.
  const carry = Buffer.alloc(byteOrderMark.length + maxLineBytes + 1);
  let carried = 0;
  let lineOffset = offset;
  let at = offset;
  let isSkipping = skipsFirst;
  let isOver = false;

  const emit = (bytes: Uint8Array, start: number, end: number, from: number): boolean => {
    const isCrlf = end > start && bytes[end - 1] === carriageReturn;
    const stop = isCrlf ? end - 1 : end;
    const isMarked = from === 0 && byteOrderMark.every((byte, i) => start + i < stop && bytes[start + i] === byte);
    const first = isMarked ? start + byteOrderMark.length : start;
    return stop - first > maxLineBytes ? onLongLine(from) : onLine(bytes, first, stop, from, isCrlf);
  };

  const feed = (bytes: Uint8Array): boolean => {
    if (isOver) return false;
    let p = 0;
    while (p < bytes.length) {
      const newline = bytes.indexOf(lineFeed, p);
      if (newline < 0) {
        if (!isSkipping) keep(bytes, p);
        break;
      }
      if (isSkipping) isSkipping = false;
      else if (carried > 0) {
        if (keep(bytes.subarray(0, newline), p)) isOver = !emit(carry, 0, carried, lineOffset);
        else isSkipping = false;
        carried = 0;
      } else isOver = !emit(bytes, p, newline, lineOffset);
      p = newline + 1;
      lineOffset = at + p;
      if (isOver) return false;
    }
    at += bytes.length;
    return !isOver;
  };

  /** Carries the rest of a piece over to the next; false when the line has become too long and is skipped from here. */
  const keep = (bytes: Uint8Array, start: number): boolean => {
    const length = bytes.length - start;
    if (carried + length <= carry.length) {
      carry.set(start === 0 ? bytes : bytes.subarray(start), carried);
      carried += length;
      return true;
    }
    carried = 0;
    isSkipping = true;
    isOver = !onLongLine(lineOffset);
    return false;
  };

  const finish = () => {
    if (!isOver && !isSkipping && carried > 0) emit(carry, 0, carried, lineOffset);
    isOver = true;
  };

  return { feed, finish, lineOffset: () => (isSkipping ? at : lineOffset) };
}
