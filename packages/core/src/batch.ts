/**
 * One batch layout for files and memory: fixed-stride rows of little-endian 32-bit words,
 *
 *     label (int32 0|1), then for each step: dense[F], ids[L_0 + ... + L_(T-1)]
 *
 * one row per input. Ids are int32, table by table; -1 (`noRow`) fills a bag shorter than its L and adds nothing.
 * For Criteo (F 13, 26 one-hot tables) a row is 160 bytes and equals the reference's Terabyte binary.
 */

/** `float32`: used as it is. `int32-log1p`: a raw non-negative int32 count x that stands for float32(ln(float32(x) + 1)). */
export type DenseEncoding = "float32" | "int32-log1p";

export interface RowLayout {
  /** F, per step. */
  readonly denseFeatures: number;
  readonly denseEncoding: DenseEncoding;
  /** S; 0 when the model has no sequence (one group of dense and ids). */
  readonly steps: number;
  /** L per table: ids per step. */
  readonly hotness: readonly number[];
}

/** What engines can address, and so what files may state: rows of a table, L, and words of one input. */
export const layoutLimits = { rows: 0x7fffffff, hotness: 1 << 16, strideWords: 1 << 20 } as const;

/** Id that stands for no row. */
export const noRow = -1;

/** Ids per step, all tables. */
export const idsPerStep = (layout: RowLayout): number => layout.hotness.reduce((sum, n) => sum + n, 0);

/** 32-bit words of one input. */
export const strideWords = (layout: RowLayout): number =>
  1 + Math.max(1, layout.steps) * (layout.denseFeatures + idsPerStep(layout));

/** Bytes of one input. */
export const strideBytes = (layout: RowLayout): number => 4 * strideWords(layout);

/** Where the ids of an input stand: word offset from its start and table of each, step by step, table by table. */
export interface IdColumns {
  readonly words: Uint32Array;
  readonly tables: Uint32Array;
}

export function idColumns(layout: RowLayout): IdColumns {
  const tableOf = layout.hotness.flatMap((length, table) => new Array<number>(length).fill(table));
  const stepWords = layout.denseFeatures + idsPerStep(layout);
  const steps = [...Array(Math.max(1, layout.steps)).keys()];
  return {
    words: Uint32Array.from(
      steps.flatMap((step) => tableOf.map((_, l) => 1 + step * stepWords + layout.denseFeatures + l)),
    ),
    tables: Uint32Array.from(steps.flatMap(() => tableOf)),
  };
}

/**
 * Inputs that an engine can run over. `file` starts at byte 0 with row 0. Engines map files themselves; JavaScript engines
 * use `openRows` in `rows.ts`. Memory sources are copied when a session opens.
 */
export interface BatchSource {
  readonly name: string;
  readonly layout: RowLayout;
  /** Number of inputs. */
  readonly rows: number;
  readonly storage:
    | { readonly kind: "file"; readonly path: string }
    | { readonly kind: "memory"; readonly words: Uint32Array };
  /**
   * Order of inputs: null keeps it; a seed permutes all inputs of an epoch: input at position i is row
   * `permutation(rows, seed, epoch)(i)` of `random.ts`. Batch b holds positions `[b * batch, min((b + 1) * batch, rows))`.
   */
  readonly shuffleSeed: number | null;
}
