import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PreparedData, Random, strideWords } from "@fae/core";
import type { RawFormat } from "../../src/raw-format.js";
import type { FieldKind } from "../../src/text/field.js";

/** Memory where the machine offers it: a published data set is forced to the disk, which tests need not wait for. */
const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** A temporary directory that removes itself: `using directory = temporary()`. */
export function temporary() {
  const path = mkdtempSync(join(place, "fae-datasets-"));
  return {
    path,
    file: (...names: string[]) => join(path, ...names),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

const pick = <T>(random: Random, from: readonly T[]): T => from[random.below(from.length)];
const hex8 = (n: number) => (n >>> 0).toString(16).padStart(8, "0");

/** Text of a valid field. Keys come from a small pool, so that they repeat. */
const fieldText: Readonly<Record<FieldKind, (random: Random) => string>> = {
  label: (random) => `${random.below(2)}`,
  count: (random) => (random.below(5) === 0 ? "" : `${random.below(400) - 3}`),
  "hex-or-missing": (random) => (random.below(6) === 0 ? "" : hex8(Math.imul(random.below(12), 0x9e3779b1))),
  hex: (random) => hex8(Math.imul(random.below(12), 0x9e3779b1)),
  integer: (random) => `${random.below(9) - 1}`,
  natural: (random) => `${random.below(40)}`,
  hour: (random) => `141021${String(random.below(24)).padStart(2, "0")}`,
  skipped: (random) => pick(random, ["pv", "buy", "cart", `${random.word()}${random.word()}`.slice(0, 20)]),
};

export const randomLine = (format: RawFormat, random: Random): string =>
  format.line.fields.map(({ kind }) => fieldText[kind](random)).join(format.line.delimiter);

/** `lines` valid lines in order of their hours, each with its line end. */
export function randomLog(format: RawFormat, lines: number, seed: number): string {
  const random = new Random(seed);
  const hour = format.line.fields.findIndex(({ kind }) => kind === "hour");
  return Array.from({ length: lines }, () => `${randomLine(format, random)}\n`)
    .map((line) => ({ line, hour: hour < 0 ? 0 : Number(line.split(format.line.delimiter)[hour]) }))
    .sort((a, b) => a.hour - b.hour)
    .map(({ line }) => line)
    .join("");
}

/** Rows of a split as arrays of words. */
export function readRows(data: PreparedData, split: "train" | "val" | "test"): number[][] {
  const found = data.splits[split];
  if (!found) return [];
  const bytes = readFileSync(found.path);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const stride = strideWords(data.layout);
  return Array.from({ length: found.rows }, (_, row) => [...words.subarray(row * stride, (row + 1) * stride)]);
}

/** Rows in log order: training, test, validation. */
export const readAll = (data: PreparedData): number[][] => [
  ...readRows(data, "train"),
  ...readRows(data, "test"),
  ...readRows(data, "val"),
];

/** Where the real samples are; tests that need them say so and skip without. */
export const shared = process.env.FAE_SHARED ?? null;

/** sha256 of every file under a directory, by relative path. */
export function digests(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    found[path.slice(directory.length + 1)] = createHash("sha256").update(readFileSync(path)).digest("hex");
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}
