import { checkArguments } from "../check-call.js";
import { ConfigError } from "../errors.js";
import { is } from "../kinds.js";
import { adagrad } from "./adagrad.js";
import { adam } from "./adam.js";
import { rowwiseAdagrad } from "./rowwise-adagrad.js";
import { sgd } from "./sgd.js";
import type { OptimizerDefinition, OptimizerName, OptimizerSpec } from "./types.js";

/** Every optimizer's state shapes and its slow, plain definition. */
export const optimizers: { readonly [K in OptimizerName]: OptimizerDefinition } = {
  sgd,
  adagrad,
  "rowwise-adagrad": rowwiseAdagrad,
  adam,
};

/** An optimizer with its defaults, overridden where told. @throws ConfigError for an unknown name or an option out of range. */
export function optimizerSpec(
  name: OptimizerName,
  overrides: Partial<Omit<OptimizerSpec, "name">> = {},
): OptimizerSpec {
  checkArguments("optimizerSpec", { overrides: [overrides, is.having("an object of options")] });
  const spec = { name, ...known(name).defaults, ...overrides };
  check("epsilon", spec.epsilon, spec.epsilon >= 0, "at least 0");
  check("epsilon", spec.epsilon, Number.isFinite(Math.fround(spec.epsilon)), "finite");
  check("beta1", spec.beta1, spec.beta1 >= 0 && spec.beta1 < 1, "in [0, 1)");
  check("beta2", spec.beta2, spec.beta2 >= 0 && spec.beta2 < 1, "in [0, 1)");
  return spec;
}

function known(name: OptimizerName): OptimizerDefinition {
  checkArguments("optimizerSpec", { name: [name, is.text] });
  if (Object.hasOwn(optimizers, name)) return optimizers[name];
  throw new ConfigError(`There is no optimizer '${name}'.`, {
    fix: `Choose one of ${Object.keys(optimizers).join(", ")}.`,
    details: { option: "optimizer", found: name, expected: Object.keys(optimizers) },
  });
}

function check(option: string, found: number, isValid: boolean, expected: string): void {
  if (!isValid)
    throw new ConfigError(`Optimizer option '${option}' must be ${expected}, found ${found}.`, {
      fix: "Leave it out to use the default.",
      details: { option, found, expected },
    });
}

/** Optimizer state per row of width D, in values. */
export const rowStateValues = (name: OptimizerName, width: number): number =>
  known(name).rowSlots.reduce((sum, slot) => sum + (slot.perRow || width), 0);
