import { compile } from "./compile.js";
import type { Engine } from "./engine.js";
import { FaeError } from "./errors.js";
import { planProblems } from "./residency.js";

/** What an engine with one device, float32 (or wider) rows and no choice of arithmetic refuses: see `Engine.refuses`. */
export function plainRefusals({ program, plan, rowType, matmul }: Parameters<Engine["refuses"]>[0]): string[] {
  const reasons = planProblems(program, plan);
  if (plan.devices > 1) reasons.push(`It has one device, the plan uses ${plan.devices}.`);
  if (rowType !== undefined && rowType !== "float32") reasons.push(`It has no ${rowType} rows.`);
  if (matmul !== undefined && matmul !== "float32") reasons.push(`It has no ${matmul} arithmetic.`);
  try {
    compile(program);
  } catch (error) {
    if (!(error instanceof FaeError)) throw error;
    reasons.push(error.message);
  }
  return reasons;
}
