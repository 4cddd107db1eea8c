import { quoted } from "../text/file-kind.js";
import type { PartHours, PartRecord } from "./part.js";
import type { SourceFile } from "./raw-files.js";
import { concern, type Warning } from "./warnings.js";

/**
 * The end of such a log is held out as its latest part, so its lines must be in order of the hour. `parts` are consecutive ones,
 * the first is the first of its file.
 * @throws DataError with the first line whose hour falls, unless the lines are meant as they are: then it is a warning
 */
export function checkHours(files: readonly SourceFile[], parts: readonly PartRecord[], asGiven: boolean): Warning[] {
  let last = 0;
  let linesBefore = 0;
  for (const [i, { file, hours, lines }] of parts.entries()) {
    if (i > 0 && parts[i - 1].file !== file) linesBefore = 0;
    if (hours) {
      const fall = hours.first.hour < last ? { ...hours.first, before: last } : hours.fall;
      if (fall) return [outOfOrder(files, file, { ...fall, line: linesBefore + fall.line }, asGiven)];
      last = hours.last;
    }
    linesBefore += lines;
  }
  return [];
}

type Fall = NonNullable<PartHours["fall"]>;

function outOfOrder(
  files: readonly SourceFile[],
  file: number,
  { line, offset, hour, before }: Fall,
  asGiven: boolean,
): Warning {
  const { path, name, isGzip, form } = files[file];
  const where = `'${name}' line ${line} (byte ${offset})`;
  const rows = `${isGzip ? "zcat" : "cat"} ${quoted(path)}${form.hasHeader ? " | sed 1d" : ""}`;
  const delimiter = form.line.delimiter === "," ? "," : "$'\\t'";
  return concern(
    {
      code: "hours-out-of-order",
      message: `The lines are not in order of time: ${where} has hour ${hour} after ${before}. The last fifth is held out, so it would not be the latest.`,
      fix: `${files.length > 1 ? "Give the files in order of time, each sorted" : "Sort them"}: ${rows} | sort -s -t ${delimiter} -k 3,3n > sorted.csv`,
      details: { path },
    },
    asGiven,
  );
}
