import { realpathSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { RawFormat } from "../raw-format.js";
import type { SourceFile } from "./raw-files.js";
import { digestFile } from "./read-text.js";
import { concern, type Warning } from "./warnings.js";

/** What a list of raw files says by its names: a file given twice, files out of order, a file missing between two. */
export function checkFileOrder(format: RawFormat, paths: readonly string[], asGiven: boolean): Warning[] {
  return [
    ...givenTwice(paths.map((path) => ({ path, key: realpathSync(path).replace(/\.gz$/, "") }))).map((twice) =>
      concern(twice, asGiven),
    ),
    // The actions of a user are sorted by time, whatever file they come from.
    ...(format.split === "series" ? [] : inOrder(paths, asGiven)),
  ];
}

/** Files with the same key, each with the first that has it. */
export function givenTwice(files: readonly { readonly path: string; readonly key: string }[]) {
  return files.flatMap(({ path, key }, i) => {
    const first = files.findIndex((file) => file.key === key);
    if (first === i) return [];
    return {
      code: "file-twice",
      message: `'${basename(files[first].path)}' and '${basename(path)}' are the same file: its inputs would be both trained on and held out, or count twice.`,
      fix: "Give it once.",
      details: { path, found: files[first].path },
    };
  });
}

/**
 * Refuses files with the same content under different names before hours of work go into them. Only files that agree in size and
 * beginning are read for it.
 * @throws DataError
 */
export function refuseCopies(files: readonly SourceFile[]): void {
  const alike = (a: SourceFile, b: SourceFile) => a !== b && a.bytes === b.bytes && head(a) === head(b);
  const suspects = files.filter((file) => files.some((other) => alike(file, other)));
  for (const twice of givenTwice(suspects.map((file) => ({ path: file.path, key: digestFile(file) }))))
    concern(twice, false);
}

const head = (file: SourceFile): string => digestFile({ ...file, bytes: Math.min(file.bytes, 1 << 20) });

interface Numbered {
  readonly path: string;
  readonly numbers: readonly number[];
}

function inOrder(paths: readonly string[], asGiven: boolean): Warning[] {
  const files = numbered(paths);
  const fall = files.findIndex((file, i) => i > 0 && compare(files[i - 1], file) > 0);
  if (fall < 0) return gaps(files);
  const names = files.map(({ path }) => basename(path));
  const sorted = files.toSorted(compare).map(({ path }) => path);
  const order = sorted.length > 32 ? "in the order of their numbers, as 'ls -v' lists them" : sorted.join(" ");
  const disorder = {
    code: "files-out-of-order",
    message: `'${names[fall - 1]}' comes before '${names[fall]}': the end of the log is held out, so the files must be in order of time.`,
    fix: `Give them so: ${order} (or the directory that holds them).`,
    details: { path: paths[fall], found: names },
  };
  return [concern(disorder, asGiven)];
}

/** The numbers in the paths, where the paths differ in nothing else; else none. */
function numbered(paths: readonly string[]): Numbered[] {
  const whole = paths.map((path) => resolve(path).replace(/\.gz$/, ""));
  const [first, ...rest] = whole.map((path) => path.replace(/\d+/g, "#"));
  if (rest.length === 0 || rest.some((text) => text !== first)) return [];
  return paths.map((path, i) => ({ path, numbers: (whole[i].match(/\d+/g) ?? []).map(Number) }));
}

function compare(a: Numbered, b: Numbered): number {
  const at = a.numbers.findIndex((n, i) => n !== b.numbers[i]);
  return at < 0 ? 0 : a.numbers[at] - b.numbers[at];
}

/** Numbers that are missing between two files, where some follow one another directly and a single number counts them. */
function gaps(files: readonly Numbered[]): Warning[] {
  if (files.length < 2) return [];
  const places = files[0].numbers.flatMap((n, i) => (files.some(({ numbers }) => numbers[i] !== n) ? [i] : []));
  if (places.length !== 1) return [];
  const at = files.map(({ numbers }) => numbers[places[0]]);
  if (!at.some((n, i) => i > 0 && n - at[i - 1] === 1)) return [];
  return at.flatMap((n, i) => {
    const before = i === 0 ? n - 1 : at[i - 1];
    const missing = n - before - 1;
    if (missing < 1) return [];
    const which = missing === 1 ? `number ${n - 1}` : `numbers ${before + 1} to ${n - 1}`;
    const [a, b] = [files[i - 1], files[i]].map(({ path }) => basename(path));
    return {
      code: "missing-file",
      message: `Between '${a}' and '${b}' ${which} is missing.`.replace(/(s .*) is/, "$1 are"),
    };
  });
}
