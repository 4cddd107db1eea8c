import type { Check } from "../result.js";

type Numbers = ArrayLike<number | null>;

/** Largest difference of the lists to the first one, place by place; null without numbers, or where a list lacks one that another has. */
export function largestGap(first: Numbers, ...others: readonly Numbers[]): number | null {
  let largest: number | null = null;
  for (const other of others) {
    if (other.length !== first.length) return null;
    for (let i = 0; i < first.length; i++) {
      const [value, expected] = [other[i], first[i]];
      if (value === null || expected === null) return null;
      largest = Math.max(largest ?? 0, Math.abs(value - expected));
    }
  }
  return largest;
}

/** A check that numbers agree, from their `largestGap`. Without one it fails: what compares nothing shows nothing. */
export const gapCheck = (what: string, gap: number | null, allowed: number, compared: string): Check => ({
  what,
  passed: gap !== null && gap <= allowed,
  detail:
    gap === null
      ? "nothing to compare, or numbers are missing"
      : `${compared}, largest difference ${gap === 0 ? "0" : gap.toExponential(1)}, allowed ${allowed}`,
});
