import { type Traffic, trafficKinds } from "@fae/core";
import type { StrategyName } from "@fae/scheduler";
import { allBytes } from "@fae/trainer";
import { allStrategies, engineNotes } from "../measure/strategies.js";
import { rawRepeats, type Trained } from "../measure/train.js";
import { type MeasuredWorkload, measureWorkloads } from "../measure/workload.js";
import { meanHeadline } from "../report/headlines.js";
import { arithmeticMean, exactly, figureOf, plainSeries, publishedSeries } from "../report/series.js";
import type { Check, Figure, Headline, Table } from "../result.js";
import type { Bench, Findings, Scenario } from "../scenario.js";

/** Percent of the bytes that FAE saves on average. */
const publishedSaving = 50;

export const dataTransfer: Scenario = {
  name: "data-transfer",
  title: "Bytes between host and device",
  describes: "bytes per step and per epoch of every strategy, beside the paper's halving",
  paper: "FAE halves the total data transfer on average (-50 %, slides).",
  async run(bench: Bench): Promise<Findings> {
    const measured = await measureWorkloads(bench, ["RMC1", "RMC2", "RMC3", "RMC4"], allStrategies);
    const timed = measured.filter(({ runs }) => runs.size > 0);
    return {
      seeds: [1],
      repeats: measured.flatMap(({ set, runs }) => rawRepeats(set.workload.name, { runs, notes: [] })),
      checks: [...measured.flatMap(({ checks }) => checks), ...timed.flatMap(countsCheck)],
      figures: [...shareFigure(timed), ...timed.map(kindsFigure)],
      headlines: savingsOf(timed),
      tables: [epochTable(timed)],
      notes: [
        ...measured.flatMap(({ notes }) => notes),
        "Bytes are those of training and of the copies between hot and cold phases; the inputs of tests are left out for all strategies.",
        "Counted where each copy is made, the same on every engine. Runs of one strategy on one data set move the same bytes every time.",
        ...engineNotes(bench),
      ],
    };
  },
};

/** Bytes of one kind that training moved, both ways; copies of hot rows back before a test belong to training too. */
function bytesOf({ report }: Trained, kind: Traffic): number {
  const { train, evaluate } = report.bytes;
  const copies = kind === "switch" ? evaluate.switch.toDevice + evaluate.switch.toHost : 0;
  return train[kind].toDevice + train[kind].toHost + copies;
}

const totalOf = (run: Trained): number => trafficKinds.reduce((sum, kind) => sum + bytesOf(run, kind), 0);

/** Every run of a strategy moves the same bytes: the first stands for all. */
const firstRun = ({ runs }: MeasuredWorkload, name: StrategyName): Trained | undefined => runs.get(name)?.[0];

/** Bytes of a strategy in percent of hybrid training's. */
function percentOfHybrid(measured: MeasuredWorkload, name: StrategyName): number | null {
  const [run, whole] = [firstRun(measured, name), firstRun(measured, "dlrm-hybrid")];
  return run && whole ? (100 * totalOf(run)) / totalOf(whole) : null;
}

function savingsOf(timed: readonly MeasuredWorkload[]): Headline[] {
  return (["fae", "mixed"] as const).flatMap((name) => {
    const about = {
      what: `saved by ${name} against hybrid training`,
      unit: "%",
      paper: name === "fae" ? publishedSaving : null,
    };
    const saved = timed.map((measured) => {
      const percent = percentOfHybrid(measured, name);
      return { name: measured.set.workload.name, found: percent === null ? null : exactly(100 - percent) };
    });
    return meanHeadline(about, saved, arithmeticMean);
  });
}

function shareFigure(timed: readonly MeasuredWorkload[]): Figure[] {
  const movers = allStrategies.filter(
    (name) => name !== "cpu-only" && name !== "dlrm-hybrid" && timed.some(({ runs }) => runs.has(name)),
  );
  if (movers.length === 0 || !timed.some(({ runs }) => runs.has("dlrm-hybrid"))) return [];
  const series = movers.map((name) => {
    const shares = timed.map((measured) => percentOfHybrid(measured, name));
    return plainSeries(name, [...shares, arithmeticMean(shares)]);
  });
  return [
    figureOf("bars", {
      title: "Bytes moved, as percent of hybrid training",
      x: [...timed.map(({ set }) => set.workload.name), "mean"],
      yTitle: "% of dlrm-hybrid",
      series: [...series, publishedSeries("FAE, paper", [...timed.map(() => null), 100 - publishedSaving])],
    }),
  ];
}

function kindsFigure(measured: MeasuredWorkload): Figure {
  const names = [...measured.runs.keys()].filter((name) => name !== "cpu-only");
  const series = trafficKinds.map((kind) =>
    plainSeries(
      kind === "rowState" ? "optimizer state" : kind,
      names.map((name) => {
        const run = firstRun(measured, name);
        return run ? bytesOf(run, kind) / run.report.steps / 1024 : null;
      }),
    ),
  );
  return figureOf("stacked", {
    title: `${measured.set.workload.name}: what a step moves`,
    x: names,
    yTitle: "KiB per step, both ways",
    series: series.filter(({ values }) => values.some((value) => value !== null && value > 0)),
  });
}

function epochTable(timed: readonly MeasuredWorkload[]): Table {
  const MiB = 2 ** 20;
  const rows = timed.flatMap((measured) =>
    [...measured.runs.keys()].map((name) => {
      const run = firstRun(measured, name);
      if (!run) return [`${measured.set.workload.name} ${name}`, null, null, null, null];
      const { report } = run;
      return [
        `${measured.set.workload.name} ${name}`,
        totalOf(run) / MiB,
        totalOf(run) / report.steps / 1024,
        (totalOf(run) - bytesOf(run, "inputs")) / report.steps / 1024,
        report.switches,
      ];
    }),
  );
  return {
    title: "Bytes per run and per step",
    columns: ["", "MiB a run", "KiB a step", "of it rows, state, parameters", "switches"],
    rows,
    note: "",
  };
}

/** Counted bytes against the formulas: fae moves rows on hybrid batches only, mixed moves its cold rows only. */
function countsCheck(measured: MeasuredWorkload): Check[] {
  const { program } = measured.set.workload;
  const checks: Check[] = [];
  const fae = firstRun(measured, "fae");
  const mixed = firstRun(measured, "mixed");
  const check = (what: string, counted: number, predicted: number) =>
    checks.push({
      what: `${measured.set.workload.name}: ${what}`,
      passed: counted === predicted,
      detail: `${counted} bytes counted, ${predicted} predicted`,
    });
  if (fae) {
    const hybridInputs = fae.report.routes.hybrid?.inputs ?? 0;
    const perInput = Math.max(1, program.steps) * program.tables.length * program.width * 4;
    check("hot batches of fae move no rows", bytesOf(fae, "rows"), 2 * hybridInputs * perInput);
  }
  if (mixed) {
    check(
      "mixed fetches its distinct cold rows only",
      mixed.report.bytes.train.rows.toDevice,
      4 * mixed.report.rows.cold * program.width,
    );
  }
  const local = firstRun(measured, "cpu-only");
  if (local) check("cpu-only moves nothing", allBytes(local.report.bytes.train), 0);
  return checks;
}
