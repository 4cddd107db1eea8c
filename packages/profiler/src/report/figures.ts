import { totalBytes } from "../expected-traffic.js";
import type { Profile } from "../profile-schema.js";
import { type Axis, barChart, lineChart } from "./chart.js";
import { shortBytes, shortNumber } from "./numbers.js";

const shareAxis = (label: string): Axis => ({
  label,
  scale: "linear",
  least: 0,
  most: 1,
  format: (value) => `${Math.round(100 * value)} %`,
});

const logAxis = (label: string, values: readonly number[], format: (value: number) => string): Axis => {
  const positive = values.filter((value) => value > 0);
  const least = Math.min(...positive, 1e12);
  return { label, scale: "log", least, most: Math.max(...positive, 10 * least), format };
};

/** The figures of a profile as SVG texts, in reading order. */
export function profileFigures(profile: Profile): string[] {
  const figures = [accessFigure(profile), budgetFigure(profile), thresholdFigure(profile), rowsFigure(profile)];
  if (profile.traffic !== null) figures.push(trafficFigure(profile.traffic));
  return figures;
}

const named = 8;

/** Share of accesses against rows, table by table: the largest tables by name, the others faint. */
function accessFigure({ tables, hotSet }: Profile): string {
  const largest = tables
    .map((_, t) => t)
    .sort((a, b) => tables[b].rows - tables[a].rows || a - b)
    .slice(0, named);
  const order = [...tables.keys()].filter((t) => !largest.includes(t)).concat(largest);
  return lineChart({
    title: "Accesses that the most popular rows of a table take",
    x: logAxis("rows of the table, most accessed first", [1, ...tables.map(({ rows }) => rows)], shortNumber),
    y: shareAxis("share of the table's accesses"),
    lines: order.map((t) => {
      const { name, rows, curve, hotRows, hotAccessShare } = tables[t];
      const colour = largest.indexOf(t);
      return {
        label: `${name} (${shortNumber(rows)})`,
        points: curve.rows.map((at, i) => [at, curve.share[i]] as const),
        colour: colour < 0 ? null : colour,
        ...(hotRows > 0 && !hotSet.whole[t] ? { mark: [hotRows, hotAccessShare] as const } : {}),
      };
    }),
    markMeaning: "hot rows end here",
  });
}

/** What each budget makes hot. */
const budgetFigure = ({ thresholds, budgetBytes, hotSet }: Profile): string =>
  lineChart({
    title: "What a budget makes hot",
    x: {
      ...logAxis(
        "device memory for hot rows with optimizer state",
        [...thresholds.map(({ hotBytes }) => hotBytes), budgetBytes],
        shortBytes,
      ),
      base: 2,
    },
    y: shareAxis("share that is hot"),
    lines: [
      {
        label: "accesses",
        points: thresholds.map(({ hotBytes, accessShare }) => [hotBytes, accessShare] as const),
        colour: 0,
        mark: [hotSet.bytes, hotSet.accessShare],
      },
      {
        label: "inputs",
        points: thresholds.map(({ hotBytes, hotInputShare }) => [hotBytes, hotInputShare] as const),
        colour: 1,
        mark: [hotSet.bytes, hotSet.hotInputShare],
      },
    ],
    rule: { x: budgetBytes, label: `budget ${shortBytes(budgetBytes)}` },
    markMeaning: "this hot set",
  });

const thresholdAxis = ({ thresholds }: Profile): Axis =>
  logAxis(
    "a row is hot from so many accesses on",
    thresholds.map(({ accesses }) => accesses),
    shortNumber,
  );

const thresholdRule = ({ thresholds, hotSet }: Profile) => {
  const chosen = thresholds.find(({ hotRows }) => hotRows >= hotSet.rows);
  return chosen === undefined ? {} : { rule: { x: chosen.accesses, label: "this hot set" } };
};

const thresholdFigure = (profile: Profile): string =>
  lineChart({
    title: "Hot inputs and accesses by threshold",
    x: thresholdAxis(profile),
    y: shareAxis("share that is hot"),
    lines: [
      {
        label: "accesses",
        points: profile.thresholds.map(({ accesses, accessShare }) => [accesses, accessShare] as const),
        colour: 0,
      },
      {
        label: "inputs",
        points: profile.thresholds.map(({ accesses, hotInputShare }) => [accesses, hotInputShare] as const),
        colour: 1,
      },
    ],
    ...thresholdRule(profile),
  });

const rowsFigure = (profile: Profile): string =>
  lineChart({
    title: "Hot rows by threshold",
    x: thresholdAxis(profile),
    y: logAxis(
      "hot rows",
      profile.thresholds.map(({ hotRows }) => hotRows),
      shortNumber,
    ),
    lines: [
      {
        label: "hot rows",
        points: profile.thresholds.map(({ accesses, hotRows }) => [accesses, Math.max(1, hotRows)] as const),
        colour: 2,
      },
    ],
    ...thresholdRule(profile),
  });

const trafficFigure = (traffic: NonNullable<Profile["traffic"]>): string =>
  barChart({
    title: `Bytes between host and device for a batch of ${traffic.batch} inputs`,
    parts: ["to the device", "to the host"],
    bars: Object.entries(traffic.bytes).map(([route, bytes]) => {
      const values = [totalBytes(bytes, "toDevice"), totalBytes(bytes, "toHost")];
      return { label: route, values, note: shortBytes(values[0] + values[1]) };
    }),
  });
