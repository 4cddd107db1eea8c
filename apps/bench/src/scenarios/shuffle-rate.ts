import type { Trained } from "../measure/train.js";
import {
  baseline,
  type Metric,
  rawTrials,
  runTrials,
  seedsOf,
  spreadAboveBaseline,
  spreadOver,
  type Trial,
  type Variant,
} from "../measure/trials.js";
import { figureOf, seriesOf } from "../report/series.js";
import type { Check, Figure, Spread, Table } from "../result.js";
import type { Bench, Findings, Scenario, Size } from "../scenario.js";

/** Percent of each class that the first cycles run. The trainer starts at the first of them. */
const rates: Readonly<Record<Size, readonly number[]>> = {
  tiny: [50, 25],
  quick: [50, 10],
  full: [50, 25, 10, 5],
};

const nameOf = (rate: number): string => `fae ${rate} %`;

export const shuffleRateScenario: Scenario = {
  name: "shuffle-rate",
  title: "First rate of the Shuffle Scheduler",
  describes: "what shorter runs of hot and cold batches cost and give, four data sets",
  paper:
    "The Shuffle Scheduler chooses how often hot and cold batches take turns by the test loss (slides); at which rate it begins is not said there.",
  async run(bench: Bench): Promise<Findings> {
    const asked = rates[bench.size];
    const variants: Variant[] = asked.map((rate) => ({ name: nameOf(rate), strategy: "fae", shuffleRate: rate }));
    const { trials, notes } = await runTrials(bench, [{ name: baseline, strategy: baseline }, ...variants]);
    const ran = trials.filter(({ runs }) => runs.has(nameOf(asked[0])));
    return {
      seeds: seedsOf(trials),
      repeats: rawTrials(trials),
      checks: ran.flatMap((trial) => [sameWork(trial, asked), asAsked(trial, asked)]),
      figures: ran.length === 0 ? [] : figures(ran, asked),
      tables: ran.length === 0 ? [] : [rateTable(ran, asked)],
      notes: [
        ...notes,
        "At a rate of R % a cycle is R % of the batches of one class, R % of the other and a test. A worse test halves the rate, four better ones in a row double it: the rate at the end says where that led.",
        "A test scores the validation inputs that the accuracy of the run is not judged by. Its time grows with them, not with the rate.",
      ],
    };
  },
};

/** Percent of the time that switches and tests took. */
const besidePercent = ({ report, seconds, testSeconds }: Trained): number =>
  (100 * (report.seconds.stages.switch + testSeconds)) / seconds;

function figures(trials: readonly Trial[], asked: readonly number[]): Figure[] {
  const rising = asked.toSorted((a, b) => a - b);
  const curve = (title: string, yTitle: string, of: (trial: Trial, name: string) => Spread | null): Figure =>
    figureOf("curve", {
      title,
      x: rising,
      xTitle: "first rate, % of a class",
      yTitle,
      logX: true,
      series: trials.map((trial) =>
        seriesOf(
          trial.workload.name,
          rising.map((rate) => of(trial, nameOf(rate))),
        ),
      ),
    });
  const above =
    (metric: Metric, factor = 1) =>
    (trial: Trial, name: string) =>
      spreadAboveBaseline(trial, name, metric, factor);
  return [
    curve("Accuracy above the baseline of the same seed", "points", above("accuracy", 100)),
    curve("AUC above the baseline of the same seed", "AUC", above("auc")),
    curve("Log loss above the baseline of the same seed: less is better", "log loss", above("logLoss")),
    curve("Time of switches and tests", "% of the time", (trial, name) => spreadOver(trial, name, besidePercent)),
  ];
}

const lastRate = ({ report }: Trained): number | null => report.schedulerTrace?.at(-1)?.rate ?? null;

function rateTable(trials: readonly Trial[], asked: readonly number[]): Table {
  const row = (trial: Trial, rate: number) => {
    const name = nameOf(rate);
    const median = (of: (run: Trained) => number | null) => spreadOver(trial, name, of)?.median ?? null;
    return [
      `${trial.workload.name} ${rate} %`,
      spreadAboveBaseline(trial, name, "accuracy", 100)?.median ?? null,
      spreadAboveBaseline(trial, name, "auc")?.median ?? null,
      spreadAboveBaseline(trial, name, "logLoss")?.median ?? null,
      median(({ report }) => report.tests.length),
      median(({ report }) => report.switches),
      median(lastRate),
      median(({ testSeconds, seconds }) => (100 * testSeconds) / seconds),
      median(besidePercent),
      median(({ seconds }) => seconds),
    ];
  };
  return {
    title: "Medians over the seeds",
    columns: [
      "first rate",
      "accuracy, points",
      "AUC",
      "log loss",
      "cycles, a test each",
      "switches",
      "rate at the end",
      "tests, % of the time",
      "switches and tests, %",
      "s an epoch",
    ],
    rows: trials.flatMap((trial) => asked.map((rate) => row(trial, rate))),
    note: "Accuracy, AUC and log loss: above the baseline of the same seed.",
  };
}

/** What a rate must not change: inputs, steps, and every byte that is not a switch's, of each seed. */
function sameWork({ workload, runs, seeds }: Trial, asked: readonly number[]): Check {
  const workOf = ({ report: { inputs, steps, routes, bytes } }: Trained): string =>
    JSON.stringify([inputs, steps, routes.hot?.inputs, routes.hybrid?.inputs, bytes.train.inputs, bytes.train.rows]);
  const differing = seeds.filter((_, i) => {
    const works = asked.flatMap(
      (rate) =>
        runs
          .get(nameOf(rate))
          ?.slice(i, i + 1)
          .map(workOf) ?? [],
    );
    return new Set(works).size > 1;
  });
  const first = runs.get(nameOf(asked[0]))?.[0].report;
  return {
    what: `${workload.name}: every rate trains the same inputs in as many steps and moves the same rows`,
    passed: differing.length === 0,
    detail:
      differing.length === 0
        ? `${first?.inputs} inputs, ${first?.steps} steps, ${seeds.length} seeds`
        : `different with seed ${differing.join(", ")}`,
  };
}

/** The scheduler starts at the rate that it is given. */
function asAsked({ workload, runs }: Trial, asked: readonly number[]): Check {
  const started = asked.map((rate) =>
    (runs.get(nameOf(rate)) ?? []).map(({ report }) => report.schedulerTrace?.[0]?.rate),
  );
  return {
    what: `${workload.name}: each run begins at its rate`,
    passed: started.every((of, i) => of.every((rate) => rate === asked[i])),
    detail: started.map((of) => [...new Set(of)].join(" and ")).join(", "),
  };
}
