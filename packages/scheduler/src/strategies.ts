import { ConfigError, checkArguments, is } from "@fae/core";
import type { ResumableStrategy } from "./define-strategy.js";
import { cpuOnly } from "./strategies/cpu-only.js";
import { deviceOnly } from "./strategies/device-only.js";
import { dlrmHybrid } from "./strategies/dlrm-hybrid.js";
import { fae } from "./strategies/fae.js";
import { mixed } from "./strategies/mixed.js";
import { xdlParameterServer } from "./strategies/xdl-parameter-server.js";

/** Every strategy by name. */
export const strategies = {
  "cpu-only": cpuOnly,
  "dlrm-hybrid": dlrmHybrid,
  "xdl-parameter-server": xdlParameterServer,
  fae,
  mixed,
  "device-only": deviceOnly,
} as const satisfies Record<string, ResumableStrategy>;

export type StrategyName = keyof typeof strategies;

/** @throws ConfigError when there is no strategy of that name. */
export function strategy(name: string): ResumableStrategy {
  checkArguments("strategy", { name: [name, is.text] });
  const found: ResumableStrategy | undefined = Object.hasOwn(strategies, name)
    ? strategies[name as StrategyName]
    : undefined;
  if (found !== undefined) return found;
  throw new ConfigError(`There is no strategy "${name}".`, {
    fix: `Choose one of ${Object.keys(strategies).join(", ")}.`,
    details: { option: "strategy", found: name, expected: Object.keys(strategies) },
  });
}
