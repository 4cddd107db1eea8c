import { permutation } from "@fae/core";
import { studentQuantile } from "./student-t.js";

/**
 * The size estimate of FAE: how many rows of a large table are hot at a threshold, bounded from a few random chunks of its
 * counts instead of a scan. Chunks hold rows drawn at random, not neighbours: ids are numbered by first appearance, so
 * popular rows stand together, and neighbours would miss them or find nothing else.
 */
export interface ChunkOptions {
  /** n, chunks per table; default 35. */
  readonly chunks?: number;
  /** m, rows per chunk; default 1024. */
  readonly chunkRows?: number;
  /** Chance that the bound of one table holds; default 0.999, one-sided. */
  readonly confidence?: number;
  readonly seed?: number;
}

/** Counts of the chunks of one table, `[n, m]`; or, when those would cover it, the whole table. */
export interface TableChunks {
  readonly rows: number;
  readonly counts: Uint32Array;
  /** null: `counts` is the whole table and its share of hot rows is exact. */
  readonly drawn: {
    readonly chunks: number;
    readonly chunkRows: number;
    readonly t: number;
    readonly z: number;
  } | null;
}

/** Rows of a table at or above a threshold. */
export interface RowsEstimate {
  /** Most likely. */
  readonly mean: number;
  /** Upper end at the confidence. */
  readonly bound: number;
}

/** Draws the chunks once; `estimateRows` then answers for any threshold. */
export function drawChunks(counts: Uint32Array, table: number, options: ChunkOptions = {}): TableChunks {
  const { chunks = 35, chunkRows = 1024, confidence = 0.999, seed = 0 } = options;
  const wanted = chunks * chunkRows;
  if (counts.length <= wanted) return { rows: counts.length, counts, drawn: null };
  const rowAt = permutation(counts.length, seed, table);
  const drawn = new Uint32Array(wanted);
  for (let i = 0; i < wanted; i++) drawn[i] = counts[rowAt(i)];
  return {
    rows: counts.length,
    counts: drawn,
    drawn: {
      chunks,
      chunkRows,
      t: studentQuantile(confidence, chunks - 1),
      z: studentQuantile(confidence, 1e6),
    },
  };
}

/**
 * With y_i hot rows in chunk i, mean y and deviation s over n chunks of m rows, of a table of N rows in M = ceil(N / m) chunks:
 *
 *     bound = N / m * (y + t s / sqrt(n) * sqrt((M - n) / (M - 1)))
 *
 * t is Student's quantile for n - 1. When the chunks hold few hot rows or none, s says little; the bound is therefore at least
 * the score bound of a Poisson count, k + z^2 / 2 + z sqrt(k + z^2 / 4) for k hot rows in all chunks.
 */
export function estimateRows({ rows, counts, drawn }: TableChunks, threshold: number): RowsEstimate {
  if (drawn === null) {
    const exact = atLeast(counts, threshold, 0, counts.length);
    return { mean: exact, bound: exact };
  }
  const { chunks: n, chunkRows: m, t, z } = drawn;
  const hot = Array.from({ length: n }, (_, i) => atLeast(counts, threshold, i * m, (i + 1) * m));
  const total = hot.reduce((sum, y) => sum + y, 0);
  const mean = total / n;
  const variance = hot.reduce((sum, y) => sum + (y - mean) ** 2, 0) / (n - 1);
  const all = Math.ceil(rows / m);
  const finite = Math.sqrt(Math.max(0, all - n) / (all - 1));
  const student = mean + t * Math.sqrt(variance / n) * finite;
  const score = (total + (z * z) / 2 + z * Math.sqrt(total + (z * z) / 4)) / n;
  return { mean: (mean * rows) / m, bound: Math.min(rows, (Math.max(student, score) * rows) / m) };
}

function atLeast(counts: Uint32Array, threshold: number, first: number, end: number): number {
  let rows = 0;
  for (let i = first; i < end; i++) if (counts[i] >= threshold) rows++;
  return rows;
}
