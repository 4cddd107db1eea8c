import type { PreparedData } from "@fae/core";
import { parameterCount } from "@fae/models";
import type { ShuffleTest } from "@fae/scheduler";
import { faeVersion } from "../version.js";
import type { EngineChoice } from "./engines.js";
import { type PlannedJob, rowBytes } from "./job.js";
import type { TestEvent } from "./loop.js";
import type { TrainOptions } from "./options.js";
import type { TrainReport } from "./report.js";
import type { Totals } from "./totals.js";

/** What the loop and the final evaluation gave. */
export interface Trained {
  readonly totals: Totals;
  readonly lossCurve: TrainReport["lossCurve"];
  readonly tests: readonly TestEvent[];
  readonly trace: readonly ShuffleTest[] | null;
  readonly metrics: TrainReport["metrics"];
  readonly kept: TrainReport["kept"];
}

export interface Finished extends Trained {
  readonly options: TrainOptions;
  readonly data: PreparedData;
  readonly planned: PlannedJob;
  readonly choice: EngineChoice;
  readonly memory: TrainReport["memory"];
  readonly openSeconds: number;
  readonly resumedAt: readonly number[];
  readonly rateChanges: TrainReport["rateChanges"];
  readonly totalSeconds: number;
}

/** Puts a finished run into one object. */
export function makeReport(finished: Finished): TrainReport {
  const { options, data, totals, choice, lossCurve, tests } = finished;
  const { program, plan, optimizer } = finished.planned.job;
  const { placements, ...planNumbers } = plan;
  const rows = program.tables.reduce((sum, table) => sum + table.rows, 0);
  const hotRows = program.tables.map(({ name }) => (placements[name].on === "split" ? placements[name].hotRows : 0));
  const hot = hotRows.reduce((sum, n) => sum + n, 0);
  const isSplit = Object.values(placements).some(({ on }) => on === "split");
  return {
    format: "fae-run",
    version: 1,
    options,
    versions: { fae: faeVersion, node: process.version, platform: `${process.platform}-${process.arch}` },
    engine: { name: choice.engine.name, why: choice.why, machine: choice.engine.machine() },
    data: {
      directory: data.directory,
      source: data.source,
      digest: data.digest,
      labelRate: data.labelRate,
      inputs: Object.fromEntries(Object.entries(data.splits).map(([name, split]) => [name, split.rows])),
      packedFor: data.packed && {
        from: data.packed.from,
        budgetBytes: data.packed.budgetBytes,
        rowBytes: data.packed.rowBytes,
      },
    },
    model: {
      name: program.name,
      tables: program.tables.length,
      rows,
      width: program.width,
      parameters: parameterCount(program),
      tableBytes: rows * program.width * 4,
    },
    plan: {
      ...planNumbers,
      hot: isSplit ? { rows: hot, bytes: hot * rowBytes(program, optimizer.name), rowsPerTable: hotRows } : null,
    },
    steps: totals.batches,
    inputs: totals.inputs,
    kept: finished.kept,
    rateChanges: finished.rateChanges,
    resumedAt: finished.resumedAt,
    lossCurve,
    tests: tests.map(({ kind: _, ...test }) => test),
    schedulerTrace: finished.trace,
    metrics: finished.metrics,
    seconds: {
      total: finished.totalSeconds,
      open: finished.openSeconds,
      train: totals.trainSeconds,
      evaluate: totals.evaluateSeconds,
      stages: totals.stageSeconds,
    },
    bytes: { train: totals.trainBytes, evaluate: totals.evaluateBytes, trainPerEpoch: totals.epochBytes },
    rows: { cold: totals.coldRows, forwarded: totals.forwardedRows, switched: totals.switchedRows },
    routes: totals.routes,
    switches: totals.switches,
    memory: finished.memory,
  };
}
