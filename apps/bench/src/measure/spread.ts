import type { Spread } from "../result.js";

/** Median, minimum and maximum; the median of an even count is the mean of the middle two. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError("spreadOf needs at least one value.");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1], n: sorted.length };
}

/** How many rounds `interleave` runs. */
export interface Rounds {
  readonly repeats: number;
  /** Asked before each round but the first: none left ends the rounds early. */
  readonly secondsLeft: () => number;
}

/**
 * Runs variants in turn, `repeats` rounds, each round in another order (rotated), so that a slow drift of the machine meets
 * all of them. Those of `warmUp` run once before, unrecorded, as repeat -1.
 */
export async function interleave<V extends string, R>(
  variants: readonly V[],
  { repeats, secondsLeft }: Rounds,
  warmUp: readonly V[],
  run: (variant: V, repeat: number) => Promise<R>,
): Promise<Map<V, R[]>> {
  const results = new Map<V, R[]>(variants.map((name) => [name, []]));
  for (const name of warmUp) await run(name, -1);
  for (let repeat = 0; repeat < repeats && (repeat === 0 || secondsLeft() > 0); repeat++) {
    for (let i = 0; i < variants.length; i++) {
      const name = variants[(i + repeat) % variants.length];
      results.get(name)?.push(await run(name, repeat));
    }
  }
  return results;
}
