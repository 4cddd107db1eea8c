import { join } from "node:path";
import { DataError } from "@fae/core";
import type { RawFormat } from "../raw-format.js";
import { expectation, type RejectReason, rejectReasons } from "../text/reject.js";
import { openSink } from "./files.js";
import { type PartRecord, partPath, type ShownReject } from "./part.js";
import { readWords } from "./part-rows.js";
import type { SourceFile } from "./raw-files.js";
import type { Written } from "./written.js";

export const rejectsName = "rejects.tsv";
const shown = 5;

/** Rejected lines by reason, over all parts. */
export function rejectsByReason(parts: readonly PartRecord[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const reason of rejectReasons) {
    const sum = parts.reduce((n, { byReason }) => n + (byReason[reason] ?? 0), 0);
    if (sum > 0) sums[reason] = sum;
  }
  return sums;
}

/** Gives up when more lines were rejected than allowed. @throws DataError with the first five. */
export function checkRejects(
  format: RawFormat,
  files: readonly SourceFile[],
  parts: readonly PartRecord[],
  maxRejects: number,
): void {
  const lines = parts.reduce((n, part) => n + part.lines, 0);
  const rejected = parts.reduce((n, part) => n + part.rejected, 0);
  if (rejected === 0 || rejected / lines <= maxRejects) return;
  const first: { path: string; line: number; reject: ShownReject }[] = [];
  let before = 0;
  for (const [i, part] of parts.entries()) {
    if (i === 0 || parts[i - 1].file !== part.file) before = 0;
    const { path } = files[part.file];
    for (const reject of part.firstRejects)
      if (first.length < shown) first.push({ path, line: before + reject.line, reject });
    before += part.lines;
  }
  const list = first.map(
    ({ path, line, reject }) => `'${path}' line ${line} (byte ${reject.offset}): ${say(format, reject)}`,
  );
  throw new DataError(
    `${rejected} of ${lines} lines are malformed (${percent(rejected / lines)}), at most ${percent(maxRejects)} may be; the first are ${list.join("; ")}.`,
    {
      fix: `Repair the file, check that it is ${format.title}, or raise maxRejects (--max-rejects).`,
      details: {
        path: first[0].path,
        line: first[0].line,
        byteOffset: first[0].reject.offset,
        found: rejected,
        expected: Math.floor(maxRejects * lines),
        byReason: rejectsByReason(parts),
      },
    },
  );
}

/**
 * Gives up early on a file that is plainly no log of this format: more than half of the lines of a part are rejected, though
 * less than half may be.
 */
export function checkPart(format: RawFormat, files: readonly SourceFile[], part: PartRecord, maxRejects: number): void {
  if (maxRejects < 0.5 && part.part === 0 && part.lines >= 1000 && part.rejected > part.lines / 2) {
    checkRejects(format, files, [part], maxRejects);
  }
}

function say(format: RawFormat, { reason, field, found }: ShownReject): string {
  const { fields } = format.line;
  if (reason === "too-few-fields" || reason === "too-many-fields")
    return `${reason}, ${found} instead of ${fields.length}`;
  if (field === 0) return found === "" ? reason : `${reason}, ${found}`;
  const { name, kind } = fields[field - 1];
  return `${reason}, field ${field} (${name}) is '${found}', expected ${expectation[kind]}`;
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`;

/** Writes `rejects.tsv`: file, line (1-based), byte offset of the line, reason, field at fault (`-` for the whole line). */
export function writeRejects(
  root: string,
  work: string,
  format: RawFormat,
  files: readonly SourceFile[],
  parts: readonly PartRecord[],
): Written {
  const sink = openSink(join(root, rejectsName));
  sink.write(Buffer.from("file\tline\tbyte_offset\treason\tfield\n"));
  let before = 0;
  for (const [i, part] of parts.entries()) {
    if (i === 0 || parts[i - 1].file !== part.file) before = 0;
    const { name } = files[part.file];
    eachReject(partPath(work, part.file, part.part, "rejects"), part.rejected, (line, offset, reason, field) => {
      const fieldName = field === 0 ? "-" : format.line.fields[field - 1].name;
      sink.write(Buffer.from(`${name}\t${before + line}\t${offset}\t${reason}\t${fieldName}\n`));
    });
    before += part.lines;
  }
  return sink.close();
}

const blockRejects = 1 << 16;

function eachReject(
  path: string,
  count: number,
  use: (line: number, offset: number, reason: RejectReason, field: number) => void,
): void {
  for (let done = 0; done < count; done += blockRejects) {
    const words = readWords(path, done * 4, Math.min(blockRejects, count - done) * 4);
    for (let at = 0; at < words.length; at += 4) {
      const offset = (words[at + 1] >>> 0) + (words[at + 2] >>> 0) * 4294967296;
      use(words[at] >>> 0, offset, rejectReasons[words[at + 3] & 255], words[at + 3] >>> 8);
    }
  }
}
