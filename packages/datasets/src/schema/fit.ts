import type { RowEncoder } from "./encode-row.js";
import type { LogSchema } from "./log-schema.js";
import type { SplitOf } from "./split-rows.js";
import { eachRows, type StoredRows } from "./stored-rows.js";
import type { TableIds } from "./table-ids.js";
import { lengthAt } from "./text-dictionary.js";

export interface ZScore {
  readonly mean: number;
  /** Of the training inputs; 1 where they are all the same. */
  readonly deviation: number;
}

/** New ids of a table whose rare keys share a row. */
export interface RareMap {
  /** New id of each old one. */
  readonly ids: Int32Array;
  /** Old id of each new one; -1 for the row of the rare keys. */
  readonly kept: Int32Array;
}

/** What is learnt from the training inputs before rows are written. */
export interface Fit {
  /** By dense column; null where it is used as it is. */
  readonly zScores: (ZScore | null)[];
  /** By table; null where every key has a row. */
  readonly rare: readonly (RareMap | null)[];
}

/** Goes over the training inputs once, where there is something to learn. */
export function fit(
  schema: LogSchema,
  { layout, stride }: RowEncoder,
  stored: StoredRows,
  splitOf: SplitOf,
  ids: readonly TableIds[],
): Fit {
  const scaled = schema.dense.map(({ transform }) =>
    transform === "z-score" ? { count: 0, mean: 0, squares: 0 } : null,
  );
  const counts = schema.tables.map(({ min_count }, t) =>
    min_count === undefined ? null : new Uint32Array(ids[t].dictionary?.size ?? 0),
  );
  if (scaled.every((of) => of === null) && counts.every((of) => of === null))
    return { zScores: scaled.map(() => null), rare: counts.map(() => null) };
  const steps = Math.max(1, layout.steps);
  const perStep = (stride - 1) / steps;
  eachRows(stored, splitOf, (words, floats, rows, codes) => {
    for (let row = 0; row < rows; row++) {
      if (codes[row] !== 0) continue;
      for (let s = 0, at = row * stride + 1; s < steps; s++, at += perStep) {
        for (const [f, sum] of scaled.entries()) if (sum) addTo(sum, floats[at + f]);
        let word = at + layout.denseFeatures;
        for (const [t, bag] of layout.hotness.entries()) {
          const of = counts[t];
          if (of) for (let l = 0; l < bag; l++) if (words[word + l] >= 0) of[words[word + l]]++;
          word += bag;
        }
      }
    }
  });
  return {
    zScores: scaled.map((sum) => {
      if (!sum) return null;
      const deviation = Math.sqrt(sum.squares / Math.max(1, sum.count));
      return { mean: sum.mean, deviation: deviation > 0 ? deviation : 1 };
    }),
    rare: counts.map((of, t) => (of ? rareMap(of, schema.tables[t].min_count ?? 0, ids[t]) : null)),
  };
}

/** Welford's sums: exact enough for means far from 0. */
function addTo(sum: { count: number; mean: number; squares: number }, value: number): void {
  const off = value - sum.mean;
  sum.count++;
  sum.mean += off / sum.count;
  sum.squares += off * (value - sum.mean);
}

/** Ids keep their order; the rare keys' row stands where the first of them stood. The missing value keeps its row. */
function rareMap(counts: Uint32Array, least: number, { dictionary }: TableIds): RareMap {
  const ids = new Int32Array(counts.length);
  const kept = new Int32Array(counts.length);
  const starts = dictionary?.starts ?? new Uint32Array(0);
  const texts = dictionary?.texts ?? new Uint8Array(0);
  let rareId = -1;
  let size = 0;
  for (let id = 0; id < counts.length; id++) {
    const isRare = counts[id] < least && lengthAt(texts, starts[id]) > 0;
    if (isRare && rareId >= 0) ids[id] = rareId;
    else {
      if (isRare) rareId = size;
      kept[size] = isRare ? -1 : id;
      ids[id] = size++;
    }
  }
  return { ids, kept: kept.subarray(0, size) };
}
