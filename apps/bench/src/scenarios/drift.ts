import { idsPerStep, type PreparedData, rowStateValues } from "@fae/core";
import { chooseHotSet, countAccesses, countOfCounts, hotRowBits, judgeInputs, type RowSource } from "@fae/profiler";
import { stopIfAborted } from "@fae/trainer";
import { generatedLog } from "../data/log.js";
import { trainingWords } from "../data/training-words.js";
import { logSpec } from "../data/workloads.js";
import { figureOf, plainSeries } from "../report/series.js";
import type { Check } from "../result.js";
import type { Bench, Findings, Scenario, Size } from "../scenario.js";

/** Share of the ranks above the head that get another row each day. */
const driftsPerDay: Readonly<Record<Size, readonly number[]>> = {
  tiny: [0, 0.05],
  quick: [0, 0.02, 0.05],
  full: [0, 0.01, 0.02, 0.05],
};
const inputs: Readonly<Record<Size, number>> = { tiny: 960, quick: 42_000, full: 4_000_000 };
const days = 7;
const width = 16;

export interface DayOfDrift {
  readonly drift: number;
  readonly day: number;
  /** With the hot set of day 1. */
  readonly hotInputs: number;
  readonly hotAccesses: number;
  /** With the hot set of the day before; on day 1 that of day 1. */
  readonly refreshedHotInputs: number;
}

export const drift: Scenario = {
  name: "drift",
  title: "Popularity that moves",
  describes: "the hot set of day 1 used on later days",
  paper: "Chooses one hot set for the whole run and says nothing about popularity that moves.",
  async run(bench: Bench): Promise<Findings> {
    const found: DayOfDrift[] = [];
    const spec = { ...logSpec(bench, "criteo-kaggle"), inputs: inputs[bench.size], days };
    const budgetBytes = bench.budgetBytes ?? budgetOf(bench, spec.scale);
    for (const perDay of driftsPerDay[bench.size]) {
      const data = await generatedLog(bench, { ...spec, drift: perDay });
      bench.log(`drift ${perDay}`);
      found.push(...(await followDays(bench, data, perDay, budgetBytes)));
    }
    const x = Array.from({ length: days - 1 }, (_, i) => i + 1);
    const of = (perDay: number, value: (day: DayOfDrift) => number) =>
      found.filter((one) => one.drift === perDay).map((one) => 100 * value(one));
    const name = (perDay: number) => `${100 * perDay} % of the rows a day`;
    const curve = (title: string, value: (day: DayOfDrift) => number) =>
      figureOf("curve", {
        title,
        x,
        xTitle: "day",
        yTitle: "%",
        series: driftsPerDay[bench.size].map((perDay) => plainSeries(name(perDay), of(perDay, value))),
      });
    return {
      seeds: [spec.seed],
      repeats: found.map((one, repeat) => ({ variant: `drift ${one.drift}`, repeat, ...one })),
      checks: [hotCheck(found)],
      tables: [],
      figures: [
        curve("Hot inputs with the hot set of day 1", ({ hotInputs }) => hotInputs),
        curve("Hot inputs with the hot set of the day before", ({ refreshedHotInputs }) => refreshedHotInputs),
        curve("Accesses to hot rows with the hot set of day 1", ({ hotAccesses }) => hotAccesses),
      ],
      notes: [
        `Synthetic inputs with the popularity of Criteo Kaggle, ${Math.floor(spec.inputs / days).toLocaleString("en-US")} a day, budget ${(budgetBytes / 2 ** 20).toPrecision(3)} MiB, rows of ${width} values; this scenario always generates its logs.`,
        ...(spec.scale < 1 ? [`Tables and budget scaled to ${spec.scale}.`] : []),
        "Hot inputs are what fae can run on the device; accesses to hot rows are what mixed does not fetch.",
        "On day 1 the hot set is judged on the inputs it was chosen from, which favours that day even without drift.",
      ],
    };
  },
};

/**
 * All rows of a hot input are hot: inputs, judged one by one, are never a larger share than accesses, summed from the day's
 * counts. A share of nothing is no number, which fails.
 */
export function hotCheck(found: readonly DayOfDrift[]): Check {
  const wrong = found.filter(({ hotInputs, hotAccesses }) => !(hotInputs <= hotAccesses && hotAccesses <= 1));
  const days = wrong.map(({ drift, day }) => `day ${day} at drift ${drift}`).join(", ");
  return {
    what: "on no day are more inputs hot than accesses",
    passed: found.length > 0 && wrong.length === 0,
    detail: found.length === 0 ? "nothing to compare" : days === "" ? `${found.length} days` : `not on ${days}`,
  };
}

const budgetOf = ({ size }: Bench, scale: number): number =>
  size === "tiny" ? 48 * 1024 : Math.round(2 ** 28 * scale);

async function followDays(
  bench: Bench,
  data: PreparedData,
  perDay: number,
  budgetBytes: number,
): Promise<DayOfDrift[]> {
  const { tables } = data;
  const rowBytes = 4 * (width + rowStateValues("sgd", width));
  const budget = { rowBytes, budgetBytes, smallTableBytes: Math.min(2 ** 20, Math.floor(budgetBytes / 256)) };
  const chosenOn = async (source: RowSource) => {
    const { counts } = await countAccesses(source, { tables, signal: bench.signal });
    return { counts, hotSet: chooseHotSet(counts, counts.map(countOfCounts), budget) };
  };
  const hotShare = async (source: RowSource, chosen: Awaited<ReturnType<typeof chosenOn>>) => {
    const { inputs: judged, hot } = await judgeInputs({ source, tables, ...chosen });
    return hot / judged;
  };
  const first = await chosenOn(dayOf(data, 0));
  const bits = first.counts.map((table, t) => hotRowBits(table, first.hotSet, t));
  const found: DayOfDrift[] = [];
  let before = first;
  for (let day = 0; day < days - 1; day++) {
    stopIfAborted(bench.signal, "The measurement");
    const source = dayOf(data, day);
    const own = day === 0 ? first : await chosenOn(source);
    const accesses = own.counts.map((table, t) => hotAccesses(table, bits[t]));
    found.push({
      drift: perDay,
      day: day + 1,
      hotInputs: await hotShare(source, first),
      hotAccesses: accesses.reduce((sum, n) => sum + n, 0) / (source.rows * idsPerStep(data.layout)),
      refreshedHotInputs: await hotShare(source, before),
    });
    before = own;
  }
  return found;
}

/** Accesses of one table that go to rows whose bit is set. */
function hotAccesses(counts: Uint32Array, bits: Uint32Array): number {
  let sum = 0;
  for (let id = 0; id < counts.length; id++) if ((bits[id >>> 5] >>> (id & 31)) & 1) sum += counts[id];
  return sum;
}

/** Inputs of one training day, in memory. Days hold equally many inputs, the first ones one more where it does not come out even. */
function dayOf(data: PreparedData, day: number): RowSource {
  const rows = data.splits.train?.rows ?? 0;
  const all = days - 1;
  const start = (at: number) => Math.min(rows, at * Math.floor(rows / all) + Math.min(at, rows % all));
  const [from, to] = [start(day), start(day + 1)];
  const words = trainingWords(data, from, to);
  return { layout: data.layout, rows: to - from, storage: { kind: "memory", words } };
}
