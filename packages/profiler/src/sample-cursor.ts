import { type SampleRule, sampledInputs } from "./sample.js";

/** Hands out the sampled inputs block by block. */
export interface SampleCursor {
  /** Whether `[first, end)` holds a sampled input. Ranges must rise from call to call. */
  has(first: number, end: number): boolean;
  /** Writes the sampled inputs of `[first, end)` to `out`, relative to `first`; returns how many. */
  take(first: number, end: number, out: Uint32Array): number;
}

/** @param exclude inputs of this sample are left out. */
export function sampleCursor(rule: SampleRule, exclude: SampleRule | null, first: number, end: number): SampleCursor {
  const chosen = sampledInputs(rule, first, end);
  const excluded = exclude === null ? null : sampledInputs(exclude, first, end);
  const following = (generator: Generator<number, void, undefined>): number => {
    const step = generator.next();
    return step.done ? Number.POSITIVE_INFINITY : step.value;
  };
  let barred = excluded === null ? Number.POSITIVE_INFINITY : following(excluded);
  const advance = (): number => {
    for (;;) {
      const input = following(chosen);
      while (excluded !== null && barred < input) barred = following(excluded);
      if (barred !== input || input === Number.POSITIVE_INFINITY) return input;
    }
  };
  let next = advance();
  const skipTo = (input: number) => {
    while (next < input) next = advance();
  };
  return {
    has(from, to) {
      skipTo(from);
      return next < to;
    },
    take(from, to, out) {
      skipTo(from);
      let length = 0;
      for (; next < to; next = advance()) out[length++] = next - from;
      return length;
    },
  };
}
