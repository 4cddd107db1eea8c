import { stages } from "@fae/core";
import type { StrategyName } from "@fae/scheduler";
import { allStrategies, engineNotes } from "../measure/strategies.js";
import { rawRepeats, type Trained } from "../measure/train.js";
import { type MeasuredWorkload, measureWorkloads, spreadFor } from "../measure/workload.js";
import { figureOf, plainSeries } from "../report/series.js";
import type { Figure, Table } from "../result.js";
import type { Bench, Findings, Scenario } from "../scenario.js";

/** Parts of the wall time; `test` is the scheduler's, `other` what no stage claims. */
const parts = [...stages, "test", "other"] as const;
type Part = (typeof parts)[number];

/** Seconds of one part of a run. Stages that overlap can claim more than the wall time; then nothing is left for `other`. */
function secondsOf({ report, testSeconds }: Trained, part: Part): number {
  if (part === "test") return testSeconds;
  if (part !== "other") return report.seconds.stages[part];
  const claimed = stages.reduce((sum, stage) => sum + report.seconds.stages[stage], 0);
  return Math.max(0, report.seconds.train - claimed);
}

export const latencyBreakdown: Scenario = {
  name: "latency-breakdown",
  title: "Where the time of a step goes",
  describes: "seconds per stage of every strategy, stacked",
  paper:
    "Shows a latency breakdown of XDL, DLRM and FAE per data set (slides; the bars carry no numbers). Embedding operations are labelled 10x faster on the GPU.",
  async run(bench: Bench): Promise<Findings> {
    const measured = await measureWorkloads(bench, ["RMC1", "RMC2", "RMC3", "RMC4"], allStrategies);
    const timed = measured.filter(({ runs }) => runs.size > 0);
    return {
      seeds: [1],
      repeats: measured.flatMap(({ set, runs }) => rawRepeats(set.workload.name, { runs, notes: [] })),
      checks: measured.flatMap(({ checks }) => checks),
      figures: timed.map(breakdown),
      tables: timed.length === 0 ? [] : [shareTable(timed)],
      notes: [
        ...measured.flatMap(({ notes }) => notes),
        "Stages: read (inputs from disk), gather (rows together), copy (between host and device), forward, backward, update (rows and weights), switch (hot rows between the two places), wait (for another stage), test (the scheduler's), other (what no stage claims). Stages that run at the same time add up to more than the step.",
        ...engineNotes(bench),
      ],
    };
  },
};

function breakdown(measured: MeasuredWorkload): Figure {
  const names = [...measured.runs.keys()];
  const perStep = (name: StrategyName, part: Part) =>
    spreadFor(measured, name, (run) => (1e3 * secondsOf(run, part)) / run.report.steps)?.median ?? null;
  const series = parts.map((part) =>
    plainSeries(
      part,
      names.map((name) => perStep(name, part)),
    ),
  );
  return figureOf("stacked", {
    title: `${measured.set.workload.name}: milliseconds of a step`,
    x: names,
    yTitle: "ms per step, medians",
    series: series.filter(({ values }) => values.some((value) => value !== null && value > 0)),
  });
}

/** Parts that belong together, under the name of a column. */
const groups: Readonly<Record<string, readonly Part[]>> = {
  "rows and updates": ["gather", "copy", "update", "switch"],
  network: ["forward", "backward"],
  "read, wait, test, other": ["read", "wait", "test", "other"],
};

function shareTable(timed: readonly MeasuredWorkload[]): Table {
  const share = (run: Trained, of: readonly Part[]) =>
    of.reduce((sum, part) => sum + secondsOf(run, part), 0) / run.seconds;
  const rowOf = (measured: MeasuredWorkload, name: StrategyName) =>
    Object.values(groups).map((of) => {
      const spread = spreadFor(measured, name, (run) => 100 * share(run, of));
      return spread === null ? null : Math.round(10 * spread.median) / 10;
    });
  return {
    title: "Percent of the wall time",
    columns: ["", ...Object.keys(groups)],
    rows: timed.flatMap((measured) =>
      [...measured.runs.keys()].map((name) => [`${measured.set.workload.name} ${name}`, ...rowOf(measured, name)]),
    ),
    note: "",
  };
}
