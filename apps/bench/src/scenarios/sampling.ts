import { openPrepared } from "@fae/datasets";
import { type Profile, profile } from "@fae/profiler";
import { generatedLog } from "../data/log.js";
import { logSpec, workloads } from "../data/workloads.js";
import { interleave, spreadOf } from "../measure/spread.js";
import { figureOf, seriesOf } from "../report/series.js";
import type { Check, Figure, Spread, Table } from "../result.js";
import type { Bench, Findings, Scenario, Size } from "../scenario.js";

/** Percent of the inputs that are sampled; the paper's default is 5. */
const rates: Readonly<Record<Size, readonly number[]>> = { tiny: [20, 50], quick: [2, 5, 20], full: [1, 2, 5, 10, 20] };
const inputs: Readonly<Record<Size, number>> = { tiny: 480, quick: 40_000, full: 10_000_000 };

type Comparison = NonNullable<Profile["comparison"]>;
interface Outcome {
  readonly comparison: Comparison;
  readonly budgetBytes: number;
}

export const sampling: Scenario = {
  name: "sampling",
  title: "Sampled against exact profile",
  describes: "error and seconds of the paper's sampled profile, RMC2",
  paper:
    "Finds hot rows from a sample of 5 % of the inputs, with a statistical estimate of the hot set's size under the budget (slides and released code).",
  async run(bench: Bench): Promise<Findings> {
    const [workload] = await workloads(bench, ["RMC2"]);
    const spec = bench.data === "synthetic" ? { ...logSpec(bench, "criteo-kaggle"), inputs: inputs[bench.size] } : null;
    const data = spec === null ? await openPrepared(bench.data) : await generatedLog(bench, spec);
    const asked = rates[bench.size].map(String);
    const found = await interleave(asked, bench, bench.size === "full" ? asked : [], async (rate, round) => {
      bench.log(`${rate} % sampled against exact${round < 0 ? " (warm-up)" : ` ${round + 1}/${bench.repeats}`}`);
      const { profile: made } = await profile({
        data,
        ...workload.hot,
        method: "sampled",
        ratePercent: Number(rate),
        seed: Math.max(0, round),
        compare: true,
        signal: bench.signal,
      });
      if (made.comparison === null) throw new TypeError("a comparison was asked for and there is none");
      if (round >= 0) bench.record(rawSample(rate, round, made.comparison));
      return { comparison: made.comparison, budgetBytes: made.budgetBytes };
    });
    const rounds = found.get(asked[0])?.length ?? 0;
    return {
      seeds: Array.from({ length: rounds }, (_, i) => i),
      repeats: [...found].flatMap(([rate, all]) =>
        all.map(({ comparison }, repeat) => rawSample(rate, repeat, comparison)),
      ),
      checks: [budgetCheck(found), ...shareChecks(found)],
      figures: [errorFigure(found), secondsFigure(found)],
      tables: [comparisonTable(found)],
      notes: [
        `RMC2's tables${spec === null || spec.scale === 1 ? "" : ` scaled to ${spec.scale}`}: ${(data.splits.train?.rows ?? 0).toLocaleString("en-US")} training inputs, budget ${(workload.hot.budgetBytes / 2 ** 20).toPrecision(3)} MiB, ${rounds} samples per rate.`,
        "The sampled profile calls fewer rows hot on purpose: it keeps to the upper end of its estimate, and rows that it has not seen cannot be hot.",
        "The exact profile counts every input in one pass; its hot set fills the budget.",
      ],
    };
  },
};

const rawSample = (rate: string, repeat: number, comparison: Comparison) => ({
  variant: `${rate} %`,
  repeat,
  ...comparison,
});

const sum = ({ seconds }: Comparison["exact"]): number => seconds.count + seconds.choose + seconds.judge;

type Found = ReadonlyMap<string, readonly Outcome[]>;
const spreads = (found: Found, of: (comparison: Comparison) => number): Spread[] =>
  [...found.values()].map((all) => spreadOf(all.map(({ comparison }) => of(comparison))));

const x = (found: Found): number[] => [...found.keys()].map(Number);

function errorFigure(found: Found): Figure {
  return figureOf("curve", {
    title: "What the sample gets wrong",
    x: x(found),
    xTitle: "% of the inputs sampled",
    yTitle: "%, or points of hot inputs",
    logX: true,
    series: [
      seriesOf(
        "hot bytes missing, %",
        spreads(found, ({ sampled, exact }) => 100 * (1 - sampled.hotBytes / exact.hotBytes)),
      ),
      seriesOf(
        "hot inputs lost, points",
        spreads(found, ({ exact, sampledTrueHotInputShare }) => 100 * (exact.hotInputShare - sampledTrueHotInputShare)),
      ),
      seriesOf(
        "error of its prediction, points",
        spreads(found, ({ sampled, sampledTrueHotInputShare }) =>
          Math.abs(100 * (sampled.hotInputShare - sampledTrueHotInputShare)),
        ),
      ),
    ],
  });
}

function secondsFigure(found: Found): Figure {
  return figureOf("curve", {
    title: "Seconds to profile",
    x: x(found),
    xTitle: "% of the inputs sampled",
    yTitle: "s",
    logX: true,
    series: [
      seriesOf(
        "sampled",
        spreads(found, ({ sampled }) => sum(sampled)),
      ),
      seriesOf(
        "exact",
        spreads(found, ({ exact }) => sum(exact)),
      ),
    ],
  });
}

function comparisonTable(found: Found): Table {
  const median = (all: readonly Outcome[], of: (comparison: Comparison) => number) =>
    spreadOf(all.map(({ comparison }) => of(comparison))).median;
  return {
    title: "Medians",
    columns: [
      "sample",
      "hot MiB",
      "% hot inputs, truly",
      "as predicted",
      "exact: hot MiB",
      "% hot inputs",
      "times faster",
    ],
    rows: [...found].map(([rate, all]) => [
      `${rate} %`,
      median(all, ({ sampled }) => sampled.hotBytes / 2 ** 20),
      median(all, ({ sampledTrueHotInputShare }) => 100 * sampledTrueHotInputShare),
      median(all, ({ sampled }) => 100 * sampled.hotInputShare),
      median(all, ({ exact }) => exact.hotBytes / 2 ** 20),
      median(all, ({ exact }) => 100 * exact.hotInputShare),
      median(all, ({ sampled, exact }) => sum(exact) / sum(sampled)),
    ]),
    note: "",
  };
}

function budgetCheck(found: Found): Check {
  const all = [...found.values()].flat();
  const most = Math.max(...all.flatMap(({ comparison: { sampled, exact } }) => [sampled.hotBytes, exact.hotBytes]));
  const budget = all[0].budgetBytes;
  return {
    what: "every hot set keeps the budget",
    passed: most <= budget,
    detail: `at most ${most} of ${budget} bytes`,
  };
}

/** The exact method does not depend on the sample: all its runs must agree. */
function shareChecks(found: Found): Check[] {
  const shares = new Set([...found.values()].flat().map(({ comparison }) => comparison.exact.hotInputShare));
  return [
    { what: "every exact profile agrees", passed: shares.size === 1, detail: `${shares.size} different results` },
  ];
}
