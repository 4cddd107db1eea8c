import type { Figure, Series, Spread } from "../result.js";

/** A figure with linear axes, no title below and no note, unless said otherwise. */
export const figureOf = (
  kind: Figure["kind"],
  given: Pick<Figure, "title" | "x" | "yTitle" | "series"> & Partial<Figure>,
): Figure => ({ kind, xTitle: "", logX: false, logY: false, note: "", ...given });

/** Medians with their spread; null where nothing was measured. */
export const seriesOf = (name: string, spreads: readonly (Spread | null)[]): Series => ({
  name,
  values: spreads.map((spread) => spread?.median ?? null),
  low: spreads.map((spread) => spread?.min ?? null),
  high: spreads.map((spread) => spread?.max ?? null),
});

/** Plain values. */
export const plainSeries = (name: string, values: readonly (number | null)[]): Series => ({
  name,
  values: [...values],
});

/** Published values, drawn dashed. */
export const publishedSeries = (name: string, values: readonly (number | null)[]): Series => ({
  name,
  values: [...values],
  published: true,
});

/** How many times faster than `base` a variant is; the spread is that of the variant. */
export const speedUp = (base: Spread | null, variant: Spread | null): Spread | null =>
  base === null || variant === null
    ? null
    : {
        median: base.median / variant.median,
        min: base.median / variant.max,
        max: base.median / variant.min,
        n: variant.n,
      };

/** Arithmetic mean; null without values. */
export function arithmeticMean(values: readonly (number | null)[]): number | null {
  const found = values.filter((value) => value !== null);
  return found.length === 0 ? null : found.reduce((sum, value) => sum + value, 0) / found.length;
}

/** Geometric mean; null without values. */
export function geometricMean(values: readonly (number | null)[]): number | null {
  const found = values.filter((value) => value !== null);
  return found.length === 0 ? null : Math.exp(found.reduce((sum, value) => sum + Math.log(value), 0) / found.length);
}

/** A value that is the same in every repeat. */
export const exactly = (value: number): Spread => ({ median: value, min: value, max: value, n: 1 });

/** The same mean of medians, of minima and of maxima; null without values. */
export function meanSpread(spreads: readonly (Spread | null)[], mean: typeof geometricMean): Spread | null {
  const found = spreads.filter((spread) => spread !== null);
  const [median, min, max] = (["median", "min", "max"] as const).map((key) => mean(found.map((spread) => spread[key])));
  if (median === null || min === null || max === null) return null;
  return { median, min, max, n: Math.min(...found.map(({ n }) => n)) };
}
