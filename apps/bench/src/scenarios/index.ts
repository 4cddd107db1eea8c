import { ConfigError, checkArguments, is, suggestion } from "@fae/core";
import type { Scenario } from "../scenario.js";
import { accessThreshold } from "./access-threshold.js";
import { accuracy } from "./accuracy.js";
import { batchScaling } from "./batch-scaling.js";
import { budgetBytesScenario } from "./budget-bytes.js";
import { budgetSweep } from "./budget-sweep.js";
import { dataTransfer } from "./data-transfer.js";
import { drift } from "./drift.js";
import { latencyBreakdown } from "./latency-breakdown.js";
import { micro } from "./micro.js";
import { overheads } from "./overheads.js";
import { peers } from "./peers.js";
import { sampling } from "./sampling.js";
import { shuffleRateScenario } from "./shuffle-rate.js";
import { speedUpScenario } from "./speed-up.js";
import { syntheticModels } from "./synthetic-models.js";

/** Every scenario, in the order in which a run and a report show them. */
export const scenarios: readonly Scenario[] = [
  speedUpScenario,
  latencyBreakdown,
  dataTransfer,
  overheads,
  accuracy,
  shuffleRateScenario,
  batchScaling,
  accessThreshold,
  budgetSweep,
  budgetBytesScenario,
  syntheticModels,
  sampling,
  drift,
  peers,
  micro,
];

/** @throws ConfigError with the nearest name. */
export function findScenario(name: string): Scenario {
  checkArguments("findScenario", { name: [name, is.text] });
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found) return found;
  const names = scenarios.map((scenario) => scenario.name);
  throw new ConfigError(`There is no scenario '${name}'.`, {
    fix: suggestion(name, names),
    details: { option: "scenario", found: name, expected: names },
  });
}
