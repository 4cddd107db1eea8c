import type { StrategyName } from "@fae/scheduler";
import { engineNotes } from "../measure/strategies.js";
import { rawRepeats } from "../measure/train.js";
import { measureWorkloads } from "../measure/workload.js";
import type { Bench, Findings, Scenario } from "../scenario.js";
import { speedUpFigure, timeTable } from "./speed-up.js";

const compared: readonly StrategyName[] = ["dlrm-hybrid", "xdl-parameter-server", "fae", "mixed", "device-only"];

export const syntheticModels: Scenario = {
  name: "synthetic-models",
  title: "Synthetic models SYN-M1 to SYN-M4",
  describes: "speed-up as the network grows against the same embedding tables",
  paper:
    "Varies the MLPs over the tables of Criteo Terabyte (slides name the four models; their speed-ups cannot be read).",
  async run(bench: Bench): Promise<Findings> {
    const measured = await measureWorkloads(bench, ["SYN-M1", "SYN-M2", "SYN-M3", "SYN-M4"], compared);
    return {
      seeds: [1],
      repeats: measured.flatMap(({ set, runs }) => rawRepeats(set.workload.name, { runs, notes: [] })),
      checks: measured.flatMap(({ checks }) => checks),
      figures: speedUpFigure(measured, "dlrm-hybrid", { hasPaper: false }),
      tables: [timeTable(measured)],
      notes: [...measured.flatMap(({ notes }) => notes), ...engineNotes(bench)],
    };
  },
};
