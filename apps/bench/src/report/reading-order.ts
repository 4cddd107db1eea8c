import type { ResultFolder } from "../result-file.js";
import { scenarios } from "../scenarios/index.js";

/**
 * Folders and results as a reader wants them: machines with a GPU first, then those with more results; in each the results in the
 * order of the list of scenarios, others behind.
 */
export function readingOrder(folders: readonly ResultFolder[]): ResultFolder[] {
  const hasGpu = ({ results }: ResultFolder) => (results.some(({ machine }) => machine.gpus.length > 0) ? 1 : 0);
  return folders
    .toSorted((a, b) => hasGpu(b) - hasGpu(a) || b.results.length - a.results.length)
    .map(({ directory, results }) => ({
      directory,
      results: results.toSorted((a, b) => place(a.scenario) - place(b.scenario)),
    }));
}

function place(name: string): number {
  const i = scenarios.findIndex((scenario) => scenario.name === name);
  return i < 0 ? scenarios.length : i;
}
