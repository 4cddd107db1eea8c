import { readSync, statSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "@fae/core";
import { withFile } from "./files.js";
import { sumOf, type Written } from "./written.js";

/** A whole file. */
export type FileSum = Pick<Written, "bytes" | "crc32">;

const polynomial = 0xedb88320;

/** Product of two polynomials over GF(2), modulo that of CRC-32; the highest bit is the coefficient of x^0. */
function product(a: number, b: number): number {
  let sum = 0;
  for (let bit = 0x80000000, factor = b; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) sum ^= factor;
    factor = (factor & 1) !== 0 ? (factor >>> 1) ^ polynomial : factor >>> 1;
  }
  return sum >>> 0;
}

/** A sum as it is behind so many more bytes of 0: times x^(8 bytes). */
function moved(sum: number, bytes: number): number {
  let power = 0x00800000; // x^8
  let moving = sum;
  for (let left = bytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) moving = product(power, moving);
    power = product(power, power);
  }
  return moving;
}

/**
 * Sums of whole files from those of their parts, which may come in any order.
 * @param names of the files below `root`
 * @param written undefined when it is not known: the files are read
 * @throws DataError when parts of a file are missing or overlap
 */
export function fileSums(
  root: string,
  names: readonly string[],
  written?: readonly Written[],
): Record<string, FileSum> {
  if (written === undefined) return Object.fromEntries(names.map((name) => [name, sumOfFile(join(root, name))]));
  const parts = new Map(names.map((name) => [join(root, name), [] as Written[]]));
  for (const range of written) parts.get(range.path)?.push(range);
  const sums = [...parts].map(([path, ranges], i): [string, FileSum] => {
    const { size } = statSync(path);
    let end = 0;
    let sum = 0;
    for (const { from, bytes, crc32 } of ranges.sort((a, b) => a.from - b.from)) {
      if (from !== end) break;
      end += bytes;
      sum ^= moved(crc32, size - end);
    }
    if (end !== size)
      throw new DataError(`'${path}' has ${size} bytes, ${end} of them were written.`, {
        fix: "The unfinished data set is removed: run again to begin anew.",
        details: { path, found: size, expected: end },
      });
    return [names[i], { bytes: size, crc32: sum >>> 0 }];
  });
  return Object.fromEntries(sums);
}

const blockBytes = 1 << 20;

/** Reads what was written once more; what has been removed meanwhile is not missed. @throws DataError when it has changed */
export function checkWritten(written: readonly Written[]): void {
  for (const range of written) {
    if (!statSync(range.path, { throwIfNoEntry: false })) continue;
    if (sumOfRange(range.path, range.from, range.bytes) === range.crc32) continue;
    throw new DataError(`'${range.path}' is not what was written to it before the interruption.`, {
      fix: "The unfinished data set is removed: run again to begin anew.",
      details: { ...range },
    });
  }
}

function sumOfFile(path: string): FileSum {
  const bytes = statSync(path).size;
  return { bytes, crc32: sumOfRange(path, 0, bytes) ?? 0 };
}

/** Sum of a part of a file; null when the file ends before. */
function sumOfRange(path: string, from: number, bytes: number): number | null {
  return withFile(path, "r", (file) => {
    const block = Buffer.allocUnsafe(Math.min(blockBytes, bytes));
    let sum = 0;
    for (let done = 0; done < bytes; ) {
      const n = readSync(file, block, 0, Math.min(block.length, bytes - done), from + done);
      if (n === 0) return null;
      sum = sumOf(block.subarray(0, n), sum);
      done += n;
    }
    return sum;
  });
}
