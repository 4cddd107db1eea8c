import { ConfigError } from "@fae/core";
import { suggestion } from "@fae/trainer";
import type { Scenario } from "../scenario.js";
import { speedUpScenario } from "./speed-up.js";

/** Every scenario, in the order in which a run and a report show them. */
export const scenarios: readonly Scenario[] = [speedUpScenario];

/** @throws ConfigError with the nearest name. */
export function findScenario(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found) return found;
  const names = scenarios.map((scenario) => scenario.name);
  throw new ConfigError(`There is no scenario '${name}'.`, {
    fix: suggestion(name, names),
    details: { option: "scenario", found: name, expected: names },
  });
}
