/** Checks of sources and segments that every engine makes. */
import type { BatchSource } from "../batch.js";
import { ConfigError, DataError, PlanError } from "../errors.js";
import type { Plan, Segment } from "../plan.js";
import type { Program } from "../program.js";

/** @throws DataError when the source's layout is not the program's. */
export function checkLayout(program: Program, { name, layout }: BatchSource): void {
  const check = (what: string, found: number, expected: number) => {
    if (found !== expected)
      throw new DataError(`Source '${name}' has ${found} ${what}, the program '${program.name}' takes ${expected}.`, {
        fix: "Use the model that fits the data.",
        details: { source: name, found, expected },
      });
  };
  check("dense features", layout.denseFeatures, program.denseFeatures);
  check("steps", layout.steps, program.steps);
  check("tables", layout.hotness.length, program.tables.length);
}

/**
 * @param batches of the segment's source.
 * @throws PlanError for a route that the plan does not have, ConfigError for a batch that the source does not have.
 */
export function checkSegment(plan: Plan, batches: number, segment: Segment, learningRates: readonly number[]): void {
  if (!plan.routes.includes(segment.route))
    throw new PlanError(`The plan has no route '${segment.route}', only ${plan.routes.join(", ")}.`, {
      fix: "Run segments of the plan's strategy.",
      details: { found: segment.route, expected: plan.routes },
    });
  if (learningRates.length !== segment.batches.length)
    throw new ConfigError(`There are ${learningRates.length} learning rates for ${segment.batches.length} batches.`, {
      fix: "Give one per batch.",
      details: { option: "learningRates", found: learningRates.length, expected: segment.batches.length },
    });
  const bad = segment.batches.find((batch) => batch >= batches);
  if (bad !== undefined)
    throw new ConfigError(`Source '${segment.source}' has no batch ${bad}: it has ${batches}.`, {
      fix: `Use batch numbers 0..${batches - 1}.`,
      details: { option: "batches", found: bad, expected: batches },
    });
}
