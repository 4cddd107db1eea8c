import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lineScanner } from "./line-scanner.js";

interface Found {
  text: string;
  offset: number;
  isCrlf: boolean;
}

/** Scans `text` in pieces; long lines come as null text. */
function scan(text: string, cuts: readonly number[], from = 0, to = Number.POSITIVE_INFINITY, maxLineBytes = 20) {
  const found: (Found | number)[] = [];
  const bytes = Buffer.from(text, "latin1");
  const offset = from === 0 ? 0 : from - 1;
  const scanner = lineScanner({
    offset,
    skipsFirst: from > 0,
    maxLineBytes,
    onLine(piece, start, end, at, isCrlf) {
      if (at >= to) return false;
      found.push({ text: Buffer.from(piece.subarray(start, end)).toString("latin1"), offset: at, isCrlf });
      return true;
    },
    onLongLine(at) {
      if (at >= to) return false;
      found.push(at);
      return true;
    },
  });
  let at = offset;
  for (const cut of [...cuts.filter((cut) => cut > offset && cut < bytes.length).sort((a, b) => a - b), bytes.length]) {
    if (!scanner.feed(bytes.subarray(at, cut))) return found;
    at = cut;
  }
  scanner.finish();
  return found;
}

function expected(text: string, maxLineBytes = 20): (Found | number)[] {
  const pieces = text.split("\n");
  if (pieces.at(-1) === "") pieces.pop();
  let offset = 0;
  return pieces.map((piece) => {
    const at = offset;
    offset += piece.length + 1;
    const isCrlf = piece.endsWith("\r");
    const bare = isCrlf ? piece.slice(0, -1) : piece;
    const line = at === 0 && bare.startsWith(mark) ? bare.slice(mark.length) : bare;
    return line.length > maxLineBytes ? at : { text: line, offset: at, isCrlf };
  });
}

const mark = "\xef\xbb\xbf";
const texts = fc
  .array(fc.constantFrom("a", "bc", "\n", "\r", "\r\n", "\0", "x".repeat(19), "y".repeat(21), "z".repeat(50)), {
    maxLength: 40,
  })
  .map((words) => words.join(""))
  .chain((text) => fc.constantFrom(text, mark + text, mark + mark + text, mark.slice(0, 2) + text));

describe("lineScanner", () => {
  it("cuts any text at its line ends, however it arrives", () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(300)), (text, cuts) => {
        expect(scan(text, cuts)).toEqual(expected(text));
      }),
      { numRuns: 500 },
    );
  });

  it("gives every line to exactly one of any consecutive ranges", () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 60 }), fc.array(fc.nat(300)), (text, range, cuts) => {
        const found: (Found | number)[] = [];
        for (let from = 0; from < text.length; from += range) found.push(...scan(text, cuts, from, from + range));
        expect(found).toEqual(expected(text));
      }),
      { numRuns: 500 },
    );
  });

  it("stops when a line is refused", () => {
    const seen: number[] = [];
    const scanner = lineScanner({
      offset: 0,
      skipsFirst: false,
      maxLineBytes: 10,
      onLine: (_bytes, _start, _end, at) => seen.push(at) < 2,
      onLongLine: () => true,
    });
    expect(scanner.feed(Buffer.from("a\nb\nc\n"))).toBe(false);
    expect(scanner.feed(Buffer.from("d\n"))).toBe(false);
    scanner.finish();
    expect(seen).toEqual([0, 2]);
  });
});
