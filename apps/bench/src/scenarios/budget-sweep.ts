import type { StrategyName } from "@fae/scheduler";
import { embeddingBytes } from "@fae/trainer";
import { type TimedSet, timedSets } from "../data/timed-set.js";
import { type Workload, workloads } from "../data/workloads.js";
import { sameLosses } from "../measure/same-losses.js";
import { spreadOf } from "../measure/spread.js";
import { engineNotes, strategiesFor } from "../measure/strategies.js";
import { rawRepeats, type StrategyRuns, type Trained, trainInTurn } from "../measure/train.js";
import { figureOf, plainSeries, seriesOf } from "../report/series.js";
import type { Check, Figure, Spread } from "../result.js";
import { type Bench, type Findings, type Scenario, type Size, withShare } from "../scenario.js";

const compared: readonly StrategyName[] = ["dlrm-hybrid", "fae", "mixed"];

/** Budgets as shares of the tables with their optimizer state; at RMC2's full size 1 MiB to 1 GiB. */
const shares: Readonly<Record<Size, readonly number[]>> = {
  tiny: [0.05, 0.5],
  quick: [0.005, 0.03, 0.12, 0.5],
  full: [0.0005, 0.004, 0.031, 0.124, 0.248, 0.497],
};

interface Point {
  readonly set: TimedSet;
  readonly runs: StrategyRuns;
  readonly checks: readonly Check[];
}

export const budgetSweep: Scenario = {
  name: "budget-sweep",
  title: "Device memory for hot rows",
  describes: "hot inputs, time and bytes against the budget, RMC2",
  paper:
    "The memory for hot rows is the user's to set; 256 MiB in the released code, 512 MB for Criteo Terabyte (slides).",
  async run(bench: Bench): Promise<Findings> {
    const [workload] = await workloads({ ...bench, budgetBytes: undefined }, ["RMC2"]);
    const tableBytes = workload.data.tables.reduce(
      (sum, { rows }) => sum + rows * 4 * (workload.hot.width + workload.hot.stateValues),
      0,
    );
    const points: Point[] = [];
    const notes: string[] = [...workload.notes];
    const asked = workload.data.packed ? [] : shares[bench.size];
    const sets = await timedSets(
      bench,
      asked.map((share) => withBudget(workload, Math.floor(share * tableBytes))),
    );
    for (const [i, set] of sets.entries()) {
      const point = await measurePoint(withShare(bench, i, sets.length), set);
      points.push(point);
      notes.push(...point.runs.notes);
    }
    if (points.length === 0) notes.push("The data came packed for one budget: give the unpacked data set for a sweep.");
    return {
      seeds: [1],
      repeats: points.flatMap(({ set, runs }) => rawRepeats(`${workload.name} ${MiB(set)} MiB`, runs)),
      checks: points.flatMap(({ checks }) => checks),
      tables: [],
      figures: points.length === 0 ? [] : figures(workload, points),
      notes: [...notes, ...engineNotes(bench)],
    };
  },
};

const withBudget = (workload: Workload, budgetBytes: number): Workload => ({
  ...workload,
  hot: {
    ...workload.hot,
    budgetBytes,
    smallTableBytes: Math.min(workload.hot.smallTableBytes, Math.floor(budgetBytes / 256)),
  },
});

const MiB = ({ workload }: TimedSet): number => Number((workload.hot.budgetBytes / 2 ** 20).toPrecision(3));

async function measurePoint(bench: Bench, set: TimedSet): Promise<Point> {
  const { taken, notes } = strategiesFor(bench, set, compared);
  const { hotSet, budgetBytes } = set.profile;
  const same = await sameLosses(bench, set, taken, 3);
  const checks: Check[] = [
    {
      what: `${MiB(set)} MiB: the hot set keeps its budget`,
      passed: hotSet.bytes <= budgetBytes,
      detail: `${hotSet.bytes} of ${budgetBytes} bytes`,
    },
    ...same.checks.map((check) => ({ ...check, what: `${MiB(set)} MiB, ${check.what}` })),
  ];
  if (checks.some(({ passed }) => !passed)) return { set, runs: { runs: new Map(), notes }, checks };
  const runs = await trainInTurn(bench, { workload: set.workload, data: set.data }, taken, { warm: same.ran });
  return { set, runs: { runs: runs.runs, notes: [...notes, ...runs.notes] }, checks };
}

function figures({ name }: Workload, points: readonly Point[]): Figure[] {
  const x = points.map(({ set }) => MiB(set));
  const curve = (title: string, yTitle: string, series: Figure["series"]): Figure =>
    figureOf("curve", {
      title: `${name}: ${title}`,
      x,
      xTitle: "MiB of device memory for hot rows",
      yTitle,
      logX: true,
      series,
    });
  const spreads = (strategy: StrategyName, of: (run: Trained) => number): (Spread | null)[] =>
    points.map(({ runs }) => {
      const all = runs.runs.get(strategy) ?? [];
      return all.length === 0 ? null : spreadOf(all.map(of));
    });
  return [
    curve("what a budget makes hot", "%", [
      plainSeries(
        "hot inputs",
        points.map(({ set }) => 100 * set.profile.hotSet.hotInputShare),
      ),
      plainSeries(
        "accesses to hot rows",
        points.map(({ set }) => 100 * set.profile.hotSet.accessShare),
      ),
    ]),
    curve(
      "inputs per second",
      "inputs/s",
      compared.map((strategy) =>
        seriesOf(
          strategy,
          spreads(strategy, (run) => run.report.inputs / run.seconds),
        ),
      ),
    ),
    curve(
      "rows and their state moved per step",
      "KiB per step",
      compared.map((strategy) =>
        plainSeries(
          strategy,
          spreads(strategy, ({ report }) => embeddingBytes(report.bytes.train) / report.steps / 1024).map(
            (spread) => spread?.median ?? null,
          ),
        ),
      ),
    ),
  ];
}
