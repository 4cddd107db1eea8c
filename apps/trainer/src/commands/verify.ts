import { existsSync } from "node:fs";
import { join } from "node:path";
import { defineCommand, option } from "../cli/command.js";
import { textTable } from "../cli/format.js";
import { stopIfAborted } from "../cli/interrupted.js";
import { choice, text } from "../cli/values.js";
import { chooseAvailable } from "../train/engines.js";
import { type CaseResult, routeNames, verifyCase, type WorstError } from "../verify/verify-case.js";

export const verifyCommand = defineCommand({
  name: "verify",
  summary: "Trains recorded cases and compares every loss, prediction and weight with what the reference wrote down.",
  operands: ["<case...>"],
  options: {
    engine: option("--engine <name>", "auto, or a name that 'fae doctor' lists", text().default("auto")),
    route: option("--route <name>", routeNames.join(", "), choice(routeNames).optional()),
  },
  example: "fae verify test/golden/* --engine cpu",
  notes:
    "A case is a directory with case.json and tensors.safetensors. Among several paths, what lies beside cases (a README, say)\n" +
    "is left out and named. Ends with 1 when a case fails.",
  async run(paths, { engine: name, route }, context) {
    const { directories, leftOut } = casesAmong(paths);
    for (const path of leftOut) context.log(`left out, no case: ${path}`);
    const engine = await chooseAvailable(name);
    const progress = context.progress(`verify on ${engine.name}`, "cases");
    const results: CaseResult[] = [];
    try {
      for (const directory of directories) {
        stopIfAborted(context.io.signal, "The verification");
        results.push(await verifyCase(directory, engine, route === undefined ? {} : { route }));
        progress.update(results.length, directories.length);
      }
    } finally {
      progress.end();
    }
    const failed = results.filter((result) => !result.passed).length;
    return {
      json: { engine: engine.name, passed: results.length - failed, failed, leftOut, cases: results },
      text: resultsText(results, failed),
      exitCode: failed === 0 ? 0 : 1,
    };
  },
});

/** A shell's `golden/*` also names what is no case. A path that is not there, or where none is a case, is for `verifyCase` to refuse. */
function casesAmong(paths: readonly string[]): {
  readonly directories: readonly string[];
  readonly leftOut: readonly string[];
} {
  const isBeside = (path: string): boolean => existsSync(path) && !existsSync(join(path, "case.json"));
  const leftOut = paths.filter(isBeside);
  if (leftOut.length === paths.length) return { directories: paths, leftOut: [] };
  return { directories: paths.filter((path) => !isBeside(path)), leftOut };
}

function resultsText(results: readonly CaseResult[], failed: number): string {
  const rows = results.map((result) => [
    result.name,
    result.route,
    shown(result.losses),
    shown(result.predictions),
    shown(result.weights),
    result.gradients === null ? "-" : shown(result.gradients),
    result.passed ? "passed" : "FAILED",
  ]);
  const table = textTable([["case", "route", "losses", "predictions", "weights", "gradients", ""], ...rows]);
  const failures = results.filter((result) => !result.passed).map(failureText);
  return [table, ...failures, `${results.length - failed} passed, ${failed} failed`].join("\n\n");
}

/** Worst error and what was allowed. */
const shown = ({ error, tolerance }: WorstError): string =>
  `${error.toExponential(1)} of ${tolerance.toExponential(1)}`;

function failureText(result: CaseResult): string {
  const kinds = ["losses", "predictions", "weights", "gradients"] as const;
  const lines = kinds.flatMap((kind) => {
    const worst = result[kind];
    return worst === null || worst.error <= worst.tolerance ? [] : [`  ${kind}: worst at ${worst.where}`];
  });
  return [`${result.name} failed:`, ...lines].join("\n");
}
