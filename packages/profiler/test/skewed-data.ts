import { Random, type RowLayout, strideWords } from "@fae/core";
import type { RowSource } from "../src/blocks.js";
import type { CountedTable } from "../src/count-accesses.js";

/** Skewed inputs for tests: seeded, in memory. */
export interface SkewedData {
  readonly source: RowSource & { readonly storage: { readonly kind: "memory"; readonly words: Uint32Array } };
  readonly tables: CountedTable[];
  /** Ids per table, input after input. */
  readonly ids: Int32Array[];
}

export interface SkewedOptions {
  readonly inputs: number;
  readonly tables: readonly { readonly rows: number; readonly hotness?: number }[];
  readonly steps?: number;
  readonly denseFeatures?: number;
  /** 0 is uniform; larger is more skewed. */
  readonly skew?: number;
  /** Popular rows stand at low ids (first appearance) instead of all over the table. */
  readonly isClustered?: boolean;
  /** Share of ids that are -1. */
  readonly missing?: number;
  readonly seed?: number;
}

export function skewedData(options: SkewedOptions): SkewedData {
  const { inputs, steps = 0, denseFeatures = 1, skew = 2, isClustered = false, missing = 0, seed = 1 } = options;
  const hotness = options.tables.map((table) => table.hotness ?? 1);
  const layout: RowLayout = { denseFeatures, denseEncoding: "float32", steps, hotness };
  const stride = strideWords(layout);
  const words = new Uint32Array(inputs * stride);
  const random = new Random(seed);
  const ids: number[][] = options.tables.map(() => []);
  let at = 0;
  for (let i = 0; i < inputs; i++) {
    words[at++] = random.below(2);
    for (let step = 0; step < Math.max(1, steps); step++) {
      at += denseFeatures;
      options.tables.forEach(({ rows }, t) => {
        for (let l = 0; l < hotness[t]; l++) {
          const rank = Math.floor(rows * random.next() ** (1 + skew));
          // 7919 is prime: a bijection of the rows unless it divides their number.
          const id = random.next() < missing ? -1 : isClustered ? rank : (rank * 7919 + t) % rows;
          ids[t].push(id);
          words[at++] = id;
        }
      });
    }
  }
  return {
    source: { layout, rows: inputs, storage: { kind: "memory", words } },
    tables: options.tables.map(({ rows }, t) => ({ name: `table ${t}`, rows })),
    ids: ids.map((column) => Int32Array.from(column)),
  };
}

/** Accesses of each row, the slow and obvious way. */
export function slowCounts({ tables, ids }: Pick<SkewedData, "tables" | "ids">): Uint32Array[] {
  return tables.map(({ rows }, t) => {
    const counts = new Uint32Array(rows);
    for (const id of ids[t]) if (id >= 0) counts[id]++;
    return counts;
  });
}
