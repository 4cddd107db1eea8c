import { ConfigError, philox, streams, unit } from "@fae/core";

/** Which inputs a sample holds: each one with probability `ratePercent` / 100, on its own. */
export interface SampleRule {
  /** In (0, 100]. */
  readonly ratePercent: number;
  readonly seed: number;
}

/** Draws start afresh at every stretch, so that any part of the data yields the same inputs as the whole. */
const stretchInputs = 65536;

/**
 * Numbers of the sampled inputs in `[first, end)`, rising. Gaps between sampled inputs are drawn from the geometric
 * distribution, which is a Bernoulli draw of each input at a cost that grows with the sample only: without replacement,
 * independent of what else is read, and the same for a file, a stream or any part of them.
 */
export function* sampledInputs(rule: SampleRule, first: number, end: number): Generator<number, void, undefined> {
  if (rule.ratePercent >= 100) {
    for (let input = first; input < end; input++) yield input;
    return;
  }
  const words = new Uint32Array(4);
  const scale = 1 / Math.log1p(-rule.ratePercent / 100);
  for (let stretch = Math.floor(first / stretchInputs); stretch * stretchInputs < end; stretch++) {
    const stop = Math.min((stretch + 1) * stretchInputs, end);
    let input = stretch * stretchInputs - 1;
    for (let draw = 0; ; draw++) {
      if ((draw & 3) === 0) philox(words, draw >>> 2, stretch, 0, 0, rule.seed >>> 0, streams.sample);
      input += 1 + Math.floor(Math.log(unit(words[draw & 3])) * scale);
      if (input >= stop) break;
      if (input >= first) yield input;
    }
  }
}

/** @throws ConfigError when the rate is not in (0, 100]. */
export function checkRate(ratePercent: number): void {
  if (ratePercent > 0 && ratePercent <= 100) return;
  throw new ConfigError(`The sample rate is ${ratePercent} %, expected more than 0 and at most 100.`, {
    fix: "Use 5 for a sample of 5 %, 100 for every input.",
    details: { option: "ratePercent", found: ratePercent, expected: "(0, 100]" },
  });
}
