import type { StrategyName } from "@fae/scheduler";
import { timedSet } from "../data/timed-set.js";
import { type Workload, workloads } from "../data/workloads.js";
import { sameLosses } from "../measure/same-losses.js";
import { spreadOf } from "../measure/spread.js";
import { engineNotes, strategiesFor } from "../measure/strategies.js";
import { rawRepeats, type StrategyRuns, trainInTurn } from "../measure/train.js";
import { figureOf, seriesOf, speedUp } from "../report/series.js";
import type { Figure, Spread } from "../result.js";
import { type Bench, type Findings, type Scenario, type Size, withShare } from "../scenario.js";

const compared: readonly StrategyName[] = ["cpu-only", "dlrm-hybrid", "fae", "mixed", "device-only"];

const batches: Readonly<Record<Size, readonly number[]>> = {
  tiny: [8, 16],
  quick: [128, 512, 2048],
  full: [256, 1024, 4096, 16384],
};

export const batchScaling: Scenario = {
  name: "batch-scaling",
  title: "Mini-batch size",
  describes: "inputs per second of the strategies against the batch size, RMC2",
  paper: "Scales the mini-batch with the GPUs, 1K, 2K and 4K (a backup slide; its values cannot be read).",
  async run(bench: Bench): Promise<Findings> {
    const findings: { -readonly [K in keyof Findings]: Findings[K] } = {
      seeds: [1],
      repeats: [],
      checks: [],
      tables: [],
      figures: [],
      notes: engineNotes(bench),
    };
    for (const workload of await workloads(bench, ["RMC2"])) {
      const sizes = batches[bench.size];
      const largest = sizes[sizes.length - 1];
      const train = Math.max(largest * 4, bench.engine.name === "cuda" ? 2 ** 21 : 0);
      const set = await timedSet(bench, workload, { train });
      const { taken, notes } = strategiesFor(bench, set, compared);
      findings.notes = [...workload.notes, ...notes, ...findings.notes];
      const { checks, ran } = await sameLosses(bench, set, taken, 3);
      findings.checks = [...findings.checks, ...checks];
      if (findings.checks.some(({ passed }) => !passed)) continue;
      const bySize: StrategyRuns[] = [];
      for (const [i, batch] of sizes.entries()) {
        const runs = await trainInTurn(withShare(bench, i, sizes.length), { workload, data: set.data }, taken, {
          warm: ran,
          options: { batch },
        });
        bySize.push(runs);
        findings.notes = [...findings.notes, ...runs.notes];
        const name = `${workload.name} B=${batch}`;
        findings.repeats = [...findings.repeats, ...rawRepeats(name, runs)];
      }
      findings.figures = [...findings.figures, ...figures(workload, sizes, taken, bySize)];
      findings.notes = [
        ...findings.notes,
        `${workload.name}: ${(set.data.splits.train?.rows ?? 0).toLocaleString("en-US")} inputs a run at every batch size, learning rate unchanged.`,
      ];
    }
    return findings;
  },
};

function figures(
  { name }: Workload,
  sizes: readonly number[],
  strategies: readonly StrategyName[],
  bySize: readonly StrategyRuns[],
): Figure[] {
  const spread = (runs: StrategyRuns, strategy: StrategyName, of: (seconds: number, inputs: number) => number) => {
    const all = runs.runs.get(strategy) ?? [];
    return all.length === 0 ? null : spreadOf(all.map(({ seconds, report }) => of(seconds, report.inputs)));
  };
  const rate = (runs: StrategyRuns, strategy: StrategyName): Spread | null =>
    spread(runs, strategy, (seconds, inputs) => inputs / seconds);
  const time = (runs: StrategyRuns, strategy: StrategyName): Spread | null =>
    spread(runs, strategy, (seconds, inputs) => seconds / inputs);
  const others = strategies.filter((strategy) => strategy === "fae" || strategy === "mixed");
  return [
    figureOf("curve", {
      title: `${name}: inputs per second`,
      x: [...sizes],
      xTitle: "inputs per batch",
      yTitle: "inputs/s",
      logX: true,
      series: strategies.map((strategy) =>
        seriesOf(
          strategy,
          bySize.map((runs) => rate(runs, strategy)),
        ),
      ),
    }),
    figureOf("curve", {
      title: `${name}: speed-up over hybrid training`,
      x: [...sizes],
      xTitle: "inputs per batch",
      yTitle: "times faster than dlrm-hybrid",
      logX: true,
      series: others.map((strategy) =>
        seriesOf(
          strategy,
          bySize.map((runs) => speedUp(time(runs, "dlrm-hybrid"), time(runs, strategy))),
        ),
      ),
    }),
  ];
}
