import type { Profile } from "@fae/profiler";
import { packedFor, profileOf } from "../data/pack.js";
import { logTitles, type Workload, workloads } from "../data/workloads.js";
import { exactly, figureOf, plainSeries, publishedSeries } from "../report/series.js";
import type { Check, Figure, Headline, Table } from "../result.js";
import type { Bench, Findings, Scenario } from "../scenario.js";

/** Percent of the rows that are hot, and percent of the inputs that are hot with them. */
const published: Readonly<Record<string, readonly [rows: number, inputs: number]>> = {
  RMC2: [6.8, 76],
  RMC3: [0.7, 82],
};

interface Profiled {
  readonly workload: Workload;
  readonly profile: Profile;
  /** Thresholds, falling, thinned to what a figure can show. */
  readonly points: Profile["thresholds"];
  readonly headlines: readonly Headline[];
}

export const accessThreshold: Scenario = {
  name: "access-threshold",
  title: "Access threshold against hot inputs and hot rows",
  describes: "how many inputs and bytes each access threshold makes hot",
  paper:
    "On Criteo Terabyte 512 MB of rows, 0.7 % of the model, make 82 % of the inputs hot; on Criteo Kaggle 6.8 % of the rows make 76 % hot (slides).",
  async run(bench: Bench): Promise<Findings> {
    const found: Profiled[] = [];
    for (const workload of await workloads(bench, ["RMC1", "RMC2", "RMC3", "RMC4"])) {
      const { profile } = await packedFor(bench, workload.data, workload.hot);
      const headlines = await atPublishedRows(bench, workload);
      found.push({ workload, profile, points: thinned(profile.thresholds), headlines });
    }
    return {
      seeds: [1],
      repeats: found.map(({ workload, profile }, repeat) => ({
        variant: workload.name,
        repeat,
        thresholds: profile.thresholds,
        hotSet: { rows: profile.hotSet.rows, bytes: profile.hotSet.bytes, inputs: profile.hotSet.hotInputShare },
      })),
      checks: found.flatMap(monotoneCheck),
      figures: found.flatMap((one) => [thresholdFigure(one), ...shareFigure(one)]),
      headlines: found.flatMap(({ headlines }) => headlines),
      tables: found.map(thresholdTable),
      notes: found.flatMap(({ workload }) => [
        ...workload.notes,
        `${workload.name}: tables under ${Math.round(workload.hot.smallTableBytes / 1024)} KiB are hot as a whole at every threshold; bytes are those of rows with optimizer state.`,
      ]),
    };
  },
};

/** Hot inputs when as many percent of the rows are hot as the paper names: a budget of so many rows. */
async function atPublishedRows(bench: Bench, { name, data, hot }: Workload): Promise<Headline[]> {
  const pair = published[name];
  if (!pair) return [];
  const [percent, paper] = pair;
  const rows = data.tables.reduce((sum, table) => sum + table.rows, 0);
  const budgetBytes = Math.floor((percent / 100) * rows) * 4 * (hot.width + hot.stateValues);
  bench.log(`${name}: profile with ${percent} % of the rows hot`);
  const { profile } = await profileOf(bench, data, {
    ...hot,
    budgetBytes,
    smallTableBytes: Math.min(hot.smallTableBytes, Math.floor(budgetBytes / 256)),
  });
  return [
    {
      what: `${name}, ${logTitles[data.source]}: hot inputs with ${percent} % of the rows hot`,
      unit: "%",
      paper,
      ours: exactly(100 * profile.hotSet.hotInputShare),
      detail: hotRowsNote(profile.hotSet.rows, rows, percent),
    },
  ];
}

/** A log that is short for its tables has not seen so many rows: then all its inputs are hot with fewer. */
function hotRowsNote(hotRows: number, rows: number, percent: number): string {
  const found = (100 * hotRows) / rows;
  return found < 0.99 * percent ? `the log has only ${found.toPrecision(2)} % of the rows` : "";
}

const mostPoints = 16;

function thinned(points: Profile["thresholds"]): Profile["thresholds"] {
  const step = Math.ceil(points.length / mostPoints);
  return points.filter((_, i) => i % step === 0 || i === points.length - 1);
}

const rowsOf = ({ profile }: Profiled): number => profile.tables.reduce((sum, { rows }) => sum + rows, 0);
const percentOfRows = (one: Profiled): number[] => one.points.map(({ hotRows }) => (100 * hotRows) / rowsOf(one));

function thresholdFigure(one: Profiled): Figure {
  const rising = one.points.toReversed();
  return figureOf("curve", {
    title: `${one.workload.name}: what a threshold makes hot`,
    x: rising.map(({ accesses }) => accesses),
    xTitle: "accesses in the log from which a row is hot",
    yTitle: "%",
    logX: true,
    series: [
      plainSeries(
        "hot inputs",
        rising.map(({ hotInputShare }) => 100 * hotInputShare),
      ),
      plainSeries(
        "accesses to hot rows",
        rising.map(({ accessShare }) => 100 * accessShare),
      ),
      plainSeries("hot rows", percentOfRows(one).toReversed()),
    ],
  });
}

/** Hot inputs against hot rows beside the paper's pair, where it names one. */
function shareFigure(one: Profiled): Figure[] {
  const pair = published[one.workload.name];
  if (!pair) return [];
  const shares = percentOfRows(one);
  const x = [...new Set([...shares, pair[0]])].sort((a, b) => a - b);
  const at = (value: (point: Profile["thresholds"][number]) => number) =>
    x.map((percent) => {
      const i = shares.indexOf(percent);
      return i < 0 ? null : value(one.points[i]);
    });
  return [
    figureOf("curve", {
      title: `${one.workload.name}: hot inputs against hot rows`,
      x,
      xTitle: "% of all rows that are hot",
      yTitle: "%",
      logX: true,
      series: [
        plainSeries(
          "hot inputs",
          at(({ hotInputShare }) => 100 * hotInputShare),
        ),
        plainSeries(
          "accesses to hot rows",
          at(({ accessShare }) => 100 * accessShare),
        ),
        publishedSeries(
          "hot inputs, paper",
          x.map((percent) => (percent === pair[0] ? pair[1] : null)),
        ),
      ],
    }),
  ];
}

function thresholdTable(one: Profiled): Table {
  const shares = percentOfRows(one);
  return {
    title: `${one.workload.name}: thresholds`,
    columns: ["accesses", "hot rows", "% of rows", "MiB", "% hot inputs", "% hot accesses"],
    rows: one.points.map((point, i) => [
      String(Math.round(point.accesses)),
      point.hotRows,
      shares[i],
      point.hotBytes / 2 ** 20,
      100 * point.hotInputShare,
      100 * point.accessShare,
    ]),
    note: "",
  };
}

/** A lower threshold never makes fewer rows or inputs hot, and the chosen set keeps its budget. */
function monotoneCheck({ workload, profile }: Profiled): Check[] {
  const points = profile.thresholds;
  const rises = points.every(
    (point, i) =>
      i === 0 || (point.hotRows >= points[i - 1].hotRows && point.hotInputShare >= points[i - 1].hotInputShare),
  );
  return [
    {
      what: `${workload.name}: lower thresholds make more rows and inputs hot`,
      passed: rises,
      detail: `${points.length} thresholds`,
    },
    {
      what: `${workload.name}: the hot set keeps its budget`,
      passed: profile.hotSet.bytes <= profile.budgetBytes,
      detail: `${profile.hotSet.bytes} of ${profile.budgetBytes} bytes`,
    },
  ];
}
