import { DataError } from "@fae/core";

/** Start of each bag, and the end of the last. @throws DataError when the bags do not cover the ids in order. */
export function bagStarts(ids: number, bags: number | Uint32Array): Uint32Array {
  if (typeof bags === "number") {
    if (!Number.isInteger(bags) || bags < 1 || ids % bags !== 0)
      throw new DataError(`${ids} ids cannot be divided into bags of ${bags}.`, {
        fix: "Fill short bags with -1.",
        details: { ids, bags },
      });
    return Uint32Array.from({ length: ids / bags + 1 }, (_, i) => i * bags);
  }
  const wrong = bags.findIndex((start, i) => (i === 0 ? start !== 0 : start < bags[i - 1]) || start > ids);
  if (wrong !== -1 || (bags.length === 0 && ids > 0))
    throw new DataError(`Bag ${Math.max(0, wrong)} does not start at a position that follows, among ${ids} ids.`, {
      fix: "Give the position of each bag's first id, ascending, beginning with 0.",
      details: { ids, bag: wrong },
    });
  const starts = new Uint32Array(bags.length + 1);
  starts.set(bags);
  starts[bags.length] = ids;
  return starts;
}

/** Sums of bags of rows. Rows of -1 are zeros, so they add nothing. */
export function pool(values: Float32Array, starts: Uint32Array, width: number): Float32Array {
  const out = new Float32Array((starts.length - 1) * width);
  for (let bag = 0; bag + 1 < starts.length; bag++)
    for (let i = starts[bag]; i < starts[bag + 1]; i++)
      for (let d = 0; d < width; d++) out[bag * width + d] += values[i * width + d];
  return out;
}
