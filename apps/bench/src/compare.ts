import { ConfigError, checkArguments, is } from "@fae/core";
import { cell } from "./report/numbers.js";
import type { Result, Table } from "./result.js";
import { resultKind } from "./result-file.js";

/**
 * Two results of one scenario side by side, figure by figure.
 * @throws ConfigError when they are of different scenarios, or of different machines and `acrossMachines` is not set.
 */
export function compare(a: Result, b: Result, acrossMachines: boolean): Table[] {
  checkArguments("compare", { a: [a, resultKind], b: [b, resultKind], acrossMachines: [acrossMachines, is.flag] });
  if (a.scenario !== b.scenario) {
    throw new ConfigError(`The results are of different scenarios: ${a.scenario} and ${b.scenario}.`, {
      fix: "Compare two results of the same scenario.",
    });
  }
  const machineOf = (r: Result) =>
    `${r.machine.cpu}, ${r.machine.cores} cores, ${r.machine.gpus.join(", ") || "no GPU"}`;
  if (machineOf(a) !== machineOf(b) && !acrossMachines) {
    throw new ConfigError(`The results are of different machines: "${machineOf(a)}" and "${machineOf(b)}".`, {
      fix: "Run both on one machine, or say --across-machines to compare anyway.",
      details: { a: machineOf(a), b: machineOf(b) },
    });
  }
  return a.figures.flatMap((figure) => {
    const other = b.figures.find((f) => f.title === figure.title);
    if (!other) return [];
    const rows = figure.series.flatMap((series) => {
      if (series.published) return [];
      const twin = other.series.find((s) => s.name === series.name);
      return figure.x.map((x, i) => {
        const before = series.values[i];
        const after = twin?.values[other.x.indexOf(x)];
        const ratio = before != null && after != null && before !== 0 ? after / before : null;
        return [`${series.name}, ${cell(x)}`, before ?? null, after ?? null, ratio];
      });
    });
    return [
      { title: `${figure.title} (${figure.yTitle})`, columns: ["", a.commit, b.commit, "ratio"], rows, note: "" },
    ];
  });
}
