import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { strideWords } from "@fae/core";
import { describe, expect, it } from "vitest";
import { accessCurve } from "../src/curves.js";
import { chooseHotSet, countOfCounts, hotInputShare, judgeInputs } from "../src/index.js";

const shared = process.env.FAE_SHARED;
if (!shared) console.log("Skipped real Avazu popularity: FAE_SHARED is not set.");

const inputs = 40_428_967;
/** Distinct values of each column in the whole log. */
const cardinalities: Readonly<Record<string, number>> = {
  C1: 7,
  banner_pos: 7,
  site_id: 4737,
  site_domain: 7745,
  site_category: 26,
  app_id: 8552,
  app_domain: 559,
  app_category: 36,
  device_id: 2_686_408,
  device_ip: 6_729_486,
  device_model: 8251,
  device_type: 5,
  device_conn_type: 4,
  C14: 2626,
  C15: 8,
  C16: 9,
  C17: 435,
  C18: 4,
  C19: 68,
  C20: 172,
  C21: 60,
};
const names = Object.keys(cardinalities);

const lines = (name: string): string[] =>
  gunzipSync(readFileSync(join(shared ?? "", "data/avazu", name)))
    .toString()
    .trimEnd()
    .split(/\r?\n/);

/**
 * Access counts of the whole log: exact for values seen 50 times or more, the rest spread evenly over the values that are
 * left. Ids: listed values first, in file order.
 */
function popularity(): { counts: Uint32Array[]; idOf: Map<string, number>[] } {
  const counts = names.map((name) => new Uint32Array(cardinalities[name]));
  const idOf = names.map(() => new Map<string, number>());
  for (const line of lines("full_train_value_counts_ge50.csv.gz").slice(1)) {
    const [field, value, , , total] = line.split(",");
    const t = names.indexOf(field);
    counts[t][idOf[t].size] = Number(total);
    idOf[t].set(value, idOf[t].size);
  }
  counts.forEach((table, t) => {
    const listed = idOf[t].size;
    const left = inputs - table.subarray(0, listed).reduce((sum, count) => sum + count, 0);
    const rows = table.length - listed;
    for (let i = 0; i < rows; i++)
      table[listed + i] = Math.floor(((i + 1) * left) / rows) - Math.floor((i * left) / rows);
  });
  return { counts, idOf };
}

describe.skipIf(!shared)("real Avazu popularity", () => {
  const { counts, idOf } = shared ? popularity() : { counts: [], idOf: [] };
  const histograms = counts.map(countOfCounts);
  const table = (name: string) => names.indexOf(name);

  it("gives the known access shares", () => {
    const share = (name: string, rows: number) => accessCurve(histograms[table(name)], false).share(rows);
    expect(share("device_ip", 100)).toBeCloseTo(0.07, 2);
    expect(share("device_ip", 10_000)).toBeCloseTo(0.25, 2);
    expect(share("device_id", 1)).toBeCloseTo(0.825, 2);
    expect(share("device_id", 100)).toBeCloseTo(0.833, 2);
    expect(share("device_model", 100)).toBeCloseTo(0.634, 2);
    expect(share("app_id", 100)).toBeCloseTo(0.95, 2);
    expect(share("site_id", 1)).toBeCloseTo(0.361, 2);
  });

  it("fills the bytes of the rows seen 50 times with exactly these rows", () => {
    const rowBytes = 64;
    const set = chooseHotSet(counts, histograms, { rowBytes, budgetBytes: 105_906 * rowBytes, smallTableBytes: 0 });
    expect(set.rows).toBe(105_906);
    expect(set.threshold).toBe(50);
    expect(set.hotRows).toEqual(names.map((_, t) => idOf[t].size));
  });

  it("makes the known share of real inputs hot at each threshold", async () => {
    const columns = lines("wideresdnn_train.csv.gz")[0].split(",");
    const real = ["train", "dev", "test"]
      .flatMap((part) => lines(`wideresdnn_${part}.csv.gz`))
      .filter((line) => !line.startsWith("id,"))
      .map((line) => line.split(","));
    expect(real).toHaveLength(8999);
    const layout = { denseFeatures: 0, denseEncoding: "float32", steps: 0, hotness: names.map(() => 1) } as const;
    const words = new Uint32Array(real.length * strideWords(layout));
    real.forEach((cells, i) => {
      names.forEach((name, t) => {
        // A value that is not listed stands for the last of the rare rows.
        words[i * strideWords(layout) + 1 + t] = idOf[t].get(cells[columns.indexOf(name)]) ?? counts[t].length - 1;
      });
    });
    const source = { layout, rows: real.length, storage: { kind: "memory", words } } as const;
    const tables = names.map((name) => ({ name, rows: cardinalities[name] }));
    const hotSet = chooseHotSet(counts, histograms, { rowBytes: 64, budgetBytes: 2 ** 20, smallTableBytes: 0 });
    const judged = await judgeInputs({ source, tables, counts, hotSet });
    for (const [threshold, share] of [
      [50, 0.471],
      [100, 0.39],
      [200, 0.322],
      [1000, 0.166],
    ])
      expect(hotInputShare(judged, threshold)).toBeCloseTo(share, 2);
  });
});
