import { type BatchSource, openRows } from "@fae/core";

const mostInputs = 2 ** 16;
/** Features beyond this swamp the others: logarithms of counts, and shares, are far below. */
const large = 100;

export interface DenseHint {
  /** A value that is not a number, so that no loss of its input is. */
  readonly isBroken: boolean;
  readonly text: string;
}

/** What of a source's dense features can make a loss explode, from its first inputs; null for nothing. */
export function denseHint(source: BatchSource): DenseHint | null {
  const { denseFeatures } = source.layout;
  const rows = Math.min(mostInputs, source.rows);
  if (rows === 0 || denseFeatures === 0) return null;
  using reader = openRows(source, { batch: rows });
  const { dense } = reader.read(0, null);
  const most = new Float64Array(denseFeatures);
  for (let i = 0; i < dense.length; i++) {
    if (!Number.isFinite(dense[i])) {
      const input = Math.floor(i / (dense.length / rows));
      const what = `Dense feature ${i % denseFeatures} of input ${input} of '${source.name}' is ${dense[i]}`;
      return { isBroken: true, text: `${what}: prepare the data with a finite number there.` };
    }
    most[i % denseFeatures] = Math.max(most[i % denseFeatures], Math.abs(dense[i]));
  }
  const worst = most.indexOf(Math.max(...most));
  if (most[worst] <= large) return null;
  const what = `Dense feature ${worst} has values up to ${+most[worst].toPrecision(3)}`;
  return { isBroken: false, text: `${what}: prepare the data with their logarithms, or divided by that.` };
}
