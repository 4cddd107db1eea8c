import { compile } from "./compile.js";
import type { Engine, Job } from "./engine.js";
import { FaeError } from "./errors.js";
import type { Program } from "./program.js";
import { readPlan, readProgram } from "./read-job.js";
import { planProblems } from "./residency.js";

/** What an engine with one device, float32 (or wider) rows and no choice of arithmetic refuses: see `Engine.refuses`. */
export function plainRefusals({ program, plan, rowType, matmul }: Parameters<Engine["refuses"]>[0]): string[] {
  const reasons = jobProblems({ program, plan }, (own) =>
    own.plan.devices > 1 ? [`It has one device, the plan uses ${own.plan.devices}.`] : [],
  );
  if (rowType !== undefined && rowType !== "float32") reasons.push(`It has no ${rowType} rows.`);
  if (matmul !== undefined && matmul !== "float32") reasons.push(`It has no ${matmul} arithmetic.`);
  return reasons;
}

type Parts = Pick<Job, "program" | "plan">;

/**
 * Why no engine can run a job with this program and plan, and what `more` finds; empty when one can. Values of any type are
 * looked at; `more` is asked about those of the right types.
 */
export function jobProblems(given: Parts, more: (parts: Parts) => string[]): string[] {
  try {
    const program = readProgram(given.program, "program");
    const plan = readPlan(given.plan, "plan");
    return [...planProblems(program, plan), ...programProblems(program), ...more({ program, plan })];
  } catch (error) {
    if (!(error instanceof FaeError)) throw error;
    return [error.message];
  }
}

function programProblems(program: Program): string[] {
  try {
    compile(program);
    return [];
  } catch (error) {
    if (!(error instanceof FaeError)) throw error;
    return [error.message];
  }
}
