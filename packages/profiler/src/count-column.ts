/** The inner loops of access counting: one id column of a block against the counts of its table. */

/** Counts stop here. */
export const countLimit = 0xffffffff;

/** Adds 1 per id of a column. Returns the position of the first id that is no row of the table, -1 when there is none. */
export function countColumn(
  words: Int32Array,
  word: number,
  stride: number,
  inputs: number,
  // uint32 counts seen as int32: adding wraps the same way, and the engine keeps them in integer registers.
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

/** As `countColumnSaturating`, for the inputs at `positions[0..length)` of the block. */
export function countColumnAt(
  words: Int32Array,
  word: number,
  stride: number,
  positions: Uint32Array,
  length: number,
  counts: Int32Array,
): number {
  const rows = counts.length;
  for (let i = 0; i < length; i++) {
    const id = words[positions[i] * stride + word];
    if (id >>> 0 < rows) {
      if (counts[id] !== -1) counts[id] = (counts[id] + 1) | 0;
    } else if (id !== -1) return positions[i];
  }
  return -1;
}

/** As `countColumn`, but a count that has reached `countLimit` stays there. For tables with 2^32 look-ups or more. */
export function countColumnSaturating(
  words: Int32Array,
  word: number,
  stride: number,
  inputs: number,
  counts: Int32Array,
): number {
  const rows = counts.length;
  for (let i = 0, at = word; i < inputs; i++, at += stride) {
    const id = words[at];
    if (id >>> 0 < rows) {
      if (counts[id] !== -1) counts[id] = (counts[id] + 1) | 0;
    } else if (id !== -1) return i;
  }
  return -1;
}
