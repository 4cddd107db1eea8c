import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Manifest } from "../manifest.js";
import { type PartRecord, partPath } from "./part.js";
import type { MapSlice } from "./part-rows.js";
import type { Settings } from "./settings.js";
import { type Job, type Run, runJobs } from "./stages.js";

const mapPath = (work: string, table: number): string => join(work, `map-${String(table).padStart(3, "0")}.i32`);

/** One dictionary a table over all parts; writes `vocab/` and the map files. */
export async function numberTables(
  run: Run,
  { format, read }: Settings,
  parts: readonly PartRecord[],
  order: "first" | "ascending",
): Promise<Manifest["tables"]> {
  mkdirSync(join(run.root, "vocab"), { recursive: true });
  const jobs = format.tables.map(({ name }, table): Job<"numberKeys"> => {
    const slices = parts.map(({ file, part, uniques }) => ({
      path: partPath(run.work, file, part, "keys"),
      at: uniques.slice(0, table).reduce((a, b) => a + b, 0),
      count: uniques[table],
    }));
    const vocabularyPath = join(run.root, vocabularyFile(name));
    const bytes = 4 * slices.reduce((n, { count }) => n + count, 0);
    const input = { slices, order, mapPath: mapPath(run.work, table), vocabularyPath };
    return { record: `number-${table}`, task: "numberKeys", input, bytes };
  });
  const numbered = await runJobs(run, "number", jobs);
  return format.tables.map(({ name, keys }, table) => ({
    name,
    rows: numbered[table].keys,
    vocabulary: { file: vocabularyFile(name), keys: read.modulo > 0 ? "decimal" : keys },
  }));
}

const vocabularyFile = (table: string): string => `vocab/${table}.i32`;

/** The ids of every part's own numbers, table by table. */
export function mapSlices(work: string, parts: readonly PartRecord[], tables: number): MapSlice[][] {
  const before = new Array<number>(tables).fill(0);
  return parts.map(({ uniques }) =>
    uniques.map((count, table) => {
      const slice = { path: mapPath(work, table), at: before[table], count };
      before[table] += count;
      return slice;
    }),
  );
}
