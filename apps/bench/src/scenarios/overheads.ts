import { type Preparation, timePreparation } from "../measure/preparation.js";
import { allStrategies, engineNotes } from "../measure/strategies.js";
import { rawRepeats, type Trained } from "../measure/train.js";
import { type MeasuredWorkload, measureWorkloads, spreadFor } from "../measure/workload.js";
import { meanHeadline } from "../report/headlines.js";
import { arithmeticMean, figureOf, plainSeries, publishedSeries } from "../report/series.js";
import type { Figure, Spread } from "../result.js";
import type { Bench, Findings, Scenario } from "../scenario.js";

const publishedPercent = 13;

interface Overheads {
  readonly name: string;
  /** Seconds per million training inputs, medians. */
  readonly train: number;
  readonly switch: number;
  readonly test: number;
  readonly profile: number;
  readonly pack: number;
}

export const overheads: Scenario = {
  name: "overheads",
  title: "What FAE costs beside training",
  describes: "profile, pack, switches and scheduler tests as a share of the whole",
  paper: "Overheads are 13 % of the end-to-end time (slides; whether with or without profiling is not said).",
  async run(bench: Bench): Promise<Findings> {
    const measured = await measureWorkloads(bench, ["RMC1", "RMC2", "RMC3", "RMC4"], allStrategies);
    const found: Overheads[] = [];
    const shares: Shares[] = [];
    const notes: string[] = [];
    const repeats: Record<string, unknown>[] = [];
    for (const workload of measured) {
      if (!workload.runs.has("fae")) continue;
      const { name } = workload.set.workload;
      const preparation = await timePreparation(bench, workload.set.workload);
      if (preparation) repeats.push({ variant: "prepare", workload: name, repeat: 0, ...preparation });
      else notes.push(`${name}: the data came packed, so profile and pack are not part of its bars.`);
      found.push(overheadsOf(workload, preparation));
      shares.push(sharesOf(workload, preparation));
    }
    return {
      seeds: [1],
      repeats: [...measured.flatMap(({ set, runs }) => rawRepeats(set.workload.name, { runs, notes: [] })), ...repeats],
      checks: measured.flatMap(({ checks }) => checks),
      figures: found.length === 0 ? [] : [percentFigure(found), secondsFigure(found)],
      headlines: [
        ...meanHeadline(
          { what: "switches and tests of fae, share of training", unit: "%", paper: publishedPercent },
          shares.map(({ name, training }) => ({ name, found: training })),
          arithmeticMean,
        ),
        ...meanHeadline(
          { what: "the same with profile and pack, of one epoch", unit: "%", paper: publishedPercent },
          shares.map(({ name, whole }) => ({ name, found: whole })),
          arithmeticMean,
        ),
      ],
      tables: [],
      notes: [
        ...measured.flatMap((workload) => workload.notes),
        ...notes,
        "Profile and pack are done once per log and counted here for one epoch over it; every further epoch or run on the same log has them for nothing.",
        ...engineNotes(bench),
      ],
    };
  },
};

function overheadsOf(measured: MeasuredWorkload, preparation: Preparation | null): Overheads {
  const median = (of: (run: Trained) => number) =>
    spreadFor(measured, "fae", (run) => (1e6 * of(run)) / run.report.inputs)?.median ?? 0;
  const perMillion = (seconds: number) => (preparation ? (1e6 * seconds) / preparation.inputs : 0);
  return {
    name: measured.set.workload.name,
    train: median(({ report }) => report.seconds.train - report.seconds.stages.switch),
    switch: median(({ report }) => report.seconds.stages.switch),
    test: median(({ testSeconds }) => testSeconds),
    profile: perMillion(preparation?.profileSeconds ?? 0),
    pack: perMillion(preparation?.packSeconds ?? 0),
  };
}

/** Overheads as percent of the time that they are part of. */
interface Shares {
  readonly name: string;
  /** Switches and tests, of the training time. */
  readonly training: Spread | null;
  /** Profile and pack too, of the time with them; null when the data came packed. */
  readonly whole: Spread | null;
}

function sharesOf(measured: MeasuredWorkload, preparation: Preparation | null): Shares {
  const beside = ({ report, testSeconds }: Trained) => report.seconds.stages.switch + testSeconds;
  const before = preparation && (preparation.profileSeconds + preparation.packSeconds) / preparation.inputs;
  const prepared = ({ report }: Trained) => (before ?? 0) * report.inputs;
  return {
    name: measured.set.workload.name,
    training: spreadFor(measured, "fae", (run) => (100 * beside(run)) / run.seconds),
    whole:
      before === null
        ? null
        : spreadFor(measured, "fae", (run) => (100 * (beside(run) + prepared(run))) / (run.seconds + prepared(run))),
  };
}

function percentFigure(found: readonly Overheads[]): Figure {
  const kinds = ["switch", "test", "profile", "pack"] as const;
  const whole = (o: Overheads) => o.train + o.switch + o.test + o.profile + o.pack;
  const series = kinds.map((kind) => {
    const percents = found.map((o) => (100 * o[kind]) / whole(o));
    return plainSeries(kind, [...percents, arithmeticMean(percents), null]);
  });
  return figureOf("stacked", {
    title: "Overheads of fae, percent of the end-to-end time",
    x: [...found.map(({ name }) => name), "mean", "paper"],
    yTitle: "% of end to end",
    series: [...series, publishedSeries("FAE, paper", [...found.map(() => null), null, publishedPercent])],
  });
}

function secondsFigure(found: readonly Overheads[]): Figure {
  return figureOf("stacked", {
    title: "Seconds of fae for a million inputs",
    x: found.map(({ name }) => name),
    yTitle: "s per million inputs, medians",
    series: (["train", "switch", "test", "profile", "pack"] as const).map((kind) =>
      plainSeries(
        kind,
        found.map((o) => o[kind]),
      ),
    ),
  });
}
