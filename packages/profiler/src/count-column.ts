/** The inner loops of access counting: one id column of a block against the counts of its table. */

/** Counts stop here. */
export const countLimit = 0xffffffff;

/** Some rows of a table: stretches of `2^shift` ids go to the parts `0 .. mask` in turn, so that each row has one writer. */
export interface Share {
  readonly part: number;
  readonly mask: number;
  readonly shift: number;
}

/** One id of each input at `positions[0 .. length)` of a block. */
export interface ColumnOfBlock {
  readonly words: Int32Array;
  /** Of the id in its input. */
  readonly word: number;
  readonly stride: number;
  readonly positions: Uint32Array;
  readonly length: number;
}

/**
 * Copies the ids that are in a share, -1 left out, to `ids`; returns how many, or `-1 - position` of the first id that is no row
 * of the table.
 */
export function gatherIds(
  { words, word, stride, positions, length }: ColumnOfBlock,
  rows: number,
  { part, mask, shift }: Share,
  ids: Int32Array,
): number {
  let gathered = 0;
  for (let i = 0; i < length; i++) {
    const id = words[positions[i] * stride + word];
    if (id >>> 0 < rows) {
      ids[gathered] = id;
      if (((id >>> shift) & mask) === part) gathered++;
    } else if (id !== -1) return -1 - positions[i];
  }
  return gathered;
}

/**
 * Adds 1 per id.
 * @param counts uint32 seen as int32: adding wraps the same way, and the engine keeps them in integer registers.
 */
export function countIds(ids: Int32Array, length: number, counts: Int32Array): void {
  for (let i = 0; i < length; i++) {
    const id = ids[i];
    const count = counts[id];
    if (count !== -1) counts[id] = (count + 1) | 0;
  }
}
