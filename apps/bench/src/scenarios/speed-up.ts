import type { StrategyName } from "@fae/scheduler";
import { allStrategies, engineNotes } from "../measure/strategies.js";
import { rawRepeats } from "../measure/train.js";
import { type MeasuredWorkload, measureWorkloads, spreadFor } from "../measure/workload.js";
import { meanHeadline } from "../report/headlines.js";
import { figureOf, geometricMean, publishedSeries, seriesOf, speedUp } from "../report/series.js";
import type { Figure, Headline, Table } from "../result.js";
import type { Bench, Findings, Scenario } from "../scenario.js";

/** The paper's averages over its four workloads. */
const published = { "xdl-parameter-server": 1.52, "dlrm-hybrid": 1.8, "cpu-only": 2.3 } as const;
type Base = keyof typeof published;

const baseTitles: Readonly<Record<Base, string>> = {
  "xdl-parameter-server": "Speed-up over the parameter server",
  "dlrm-hybrid": "Speed-up over hybrid training",
  "cpu-only": "Speed-up over training on the CPU only",
};

export const speedUpScenario: Scenario = {
  name: "speed-up",
  title: "Speed-up on RMC1 to RMC4",
  describes: "time of a step with every strategy, beside the paper's averages",
  paper:
    "FAE is on average 1.52x faster than XDL CPU-GPU and 2.3x faster than XDL CPU-only (abstract), 1.8x faster than open-source DLRM on 4 GPUs (slides).",
  async run(bench: Bench): Promise<Findings> {
    const measured = await measureWorkloads(bench, ["RMC1", "RMC2", "RMC3", "RMC4"], allStrategies);
    return {
      seeds: [1],
      repeats: measured.flatMap(({ set, runs }) => rawRepeats(set.workload.name, { runs, notes: [] })),
      checks: measured.flatMap(({ checks }) => checks),
      figures: (Object.keys(published) as Base[]).flatMap((base) => speedUpFigure(measured, base)),
      headlines: (Object.keys(published) as Base[]).flatMap((base) => headlinesOver(measured, base)),
      tables: [timeTable(measured)],
      notes: [
        ...measured.flatMap(({ notes }) => notes),
        "Time of fae includes its switches and the tests that its scheduler asks for (2 % of the training inputs each).",
        ...engineNotes(bench),
      ],
    };
  },
};

const baseNames: Readonly<Record<Base, string>> = {
  "xdl-parameter-server": "the parameter server",
  "dlrm-hybrid": "hybrid training",
  "cpu-only": "the CPU only",
};

/** Geometric means over the workloads; the paper's strategy has its line even where nothing was measured. */
function headlinesOver(measured: readonly MeasuredWorkload[], base: Base): Headline[] {
  return (["fae", "mixed"] as const).flatMap((name) => {
    const about = {
      what: `${name} over ${baseNames[base]}`,
      unit: "×",
      paper: name === "fae" ? published[base] : null,
    };
    const ratios = measured.map((workload) => ({
      name: workload.set.workload.name,
      found: speedUp(perInput(workload, base), perInput(workload, name)),
    }));
    return meanHeadline(about, ratios, geometricMean);
  });
}

const perInput = (workload: MeasuredWorkload, strategy: StrategyName) =>
  spreadFor(workload, strategy, ({ seconds, report }) => seconds / report.inputs);

/** Speed-ups of all other strategies over one, by workload and in the geometric mean. */
export function speedUpFigure(
  measured: readonly MeasuredWorkload[],
  base: Base,
  { hasPaper = true }: { readonly hasPaper?: boolean } = {},
): Figure[] {
  const others = allStrategies.filter((name) => name !== base && measured.some(({ runs }) => runs.has(name)));
  if (others.length === 0 || !measured.some(({ runs }) => runs.has(base))) return [];
  const hasMean = measured.length > 1;
  const series = others.map((name) => {
    const ratios = measured.map((workload) => speedUp(perInput(workload, base), perInput(workload, name)));
    const mean = geometricMean(ratios.map((ratio) => ratio?.median ?? null));
    const drawn = seriesOf(name, ratios);
    if (!hasMean) return drawn;
    return {
      ...drawn,
      values: [...drawn.values, mean],
      low: [...(drawn.low ?? []), null],
      high: [...(drawn.high ?? []), null],
    };
  });
  return [
    figureOf("bars", {
      title: baseTitles[base],
      x: [...measured.map(({ set }) => set.workload.name), ...(hasMean ? ["mean"] : [])],
      yTitle: `times faster than ${base}`,
      series: [
        ...series,
        ...(hasMean && hasPaper ? [publishedSeries("FAE, paper", [...measured.map(() => null), published[base]])] : []),
      ],
    }),
  ];
}

/** Milliseconds a step and inputs a second, by workload and strategy. */
export function timeTable(measured: readonly MeasuredWorkload[]): Table {
  const rows = measured.flatMap((workload) =>
    allStrategies.flatMap((name) => {
      const step = spreadFor(workload, name, ({ seconds, report }) => (1e3 * seconds) / report.steps);
      const rate = spreadFor(workload, name, ({ seconds, report }) => report.inputs / seconds);
      if (!step || !rate) return [];
      return [
        [`${workload.set.workload.name} ${name}`, step.median, step.min, step.max, Math.round(rate.median), step.n],
      ];
    }),
  );
  return {
    title: "Time of a step",
    columns: ["", "ms, median", "min", "max", "inputs/s", "runs"],
    rows,
    note: "",
  };
}
