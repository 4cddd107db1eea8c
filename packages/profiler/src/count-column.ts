/** The inner loops of access counting: one id column of a block against the counts of its table. */

/** Counts stop here. */
export const countLimit = 0xffffffff;

/** Some rows of a table: stretches of `2^shift` ids go to the parts `0 .. mask` in turn, so that each row has one writer. */
export interface Share {
  readonly part: number;
  readonly mask: number;
  readonly shift: number;
}

/**
 * Adds 1 per id of a column; for tables with fewer than 2^32 accesses. Returns the position of the first id that is no row of the
 * table, -1 when there is none.
 *
 * @param counts uint32 seen as int32: adding wraps the same way, and the engine keeps them in integer registers.
 */
export function countColumn(
  words: Int32Array,
  word: number,
  stride: number,
  inputs: number,
  counts: Int32Array,
): number {
  const rows = counts.length;
  for (let i = 0, at = word; i < inputs; i++, at += stride) {
    const id = words[at];
    if (id >>> 0 < rows) counts[id] = (counts[id] + 1) | 0;
    else if (id !== -1) return i;
  }
  return -1;
}

/** The same for the ids in a share; a count that has reached `countLimit` stays there. */
export function countShare(
  words: Int32Array,
  word: number,
  stride: number,
  inputs: number,
  counts: Int32Array,
  { part, mask, shift }: Share,
): number {
  const rows = counts.length;
  for (let i = 0, at = word; i < inputs; i++, at += stride) {
    const id = words[at];
    if (id >>> 0 < rows) {
      if (((id >>> shift) & mask) === part && counts[id] !== -1) counts[id] = (counts[id] + 1) | 0;
    } else if (id !== -1) return i;
  }
  return -1;
}
