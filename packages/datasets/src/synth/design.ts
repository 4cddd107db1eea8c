import type { RowLayout } from "@fae/core";
import { rawFormats } from "../raw-formats.js";
import { type ClickModel, type ClickShape, createClickModel } from "./click-model.js";
import { createClicks, denseColumns, drawClicks } from "./draw-clicks.js";
import type { SynthJob } from "./job.js";
import { createKeys } from "./keys.js";
import { type Outputs, outputsOf, type Range, type SplitOfInputs } from "./outputs.js";
import { type SynthSettings, wrong } from "./settings.js";
import { clickSources } from "./sources/index.js";
import type { ClickLogName } from "./sources/types.js";
import { createTaobaoModel, type TaobaoModel } from "./taobao-history.js";
import { usersFor } from "./taobao-raw.js";
import { seriesSteps, usersForSeries } from "./taobao-series.js";
import { type Teacher, tuneTeacher } from "./teacher.js";
import { purposes } from "./words.js";

/** A log before its first byte: what is made, into which files, in which units. */
export interface Design {
  /** The work, given the file of the survey (which it uses only when there is one). */
  readonly jobWith: (surveyPath: string) => SynthJob;
  /** Users whose items must be known before the first input is made. */
  readonly survey: { readonly users: number } | null;
  readonly isLabelled: boolean;
  readonly outputs: Outputs;
  /** Largest unit, in what `Outputs` counts. */
  readonly unitRows: number;
  readonly layout: RowLayout;
  readonly tables: readonly DesignTable[];
  /** First line of each raw file. */
  readonly header: string | null;
  /** Bytes of a raw line, about. */
  readonly lineBytes: number;
}

export interface DesignTable {
  readonly name: string;
  readonly rows: number;
  readonly keys: "hex" | "decimal";
  readonly keyOf: (row: number) => number;
}

/** Inputs that bias and gain of the teacher are fitted on; they are no inputs of the log. */
const tuningInputs = 20_000;

/** @throws ConfigError when the tables cannot give that many inputs. */
export function designOf(settings: SynthSettings): Design {
  const { source } = settings;
  if (source !== "taobao") return clickDesign(settings, source);
  const model = createTaobaoModel(settings.seed, settings.scale);
  return settings.format === "raw" ? actionDesign(settings, model) : seriesDesign(settings, model);
}

function clickDesign(settings: SynthSettings, source: ClickLogName): Design {
  const { format, rows, seed, calibration, scale, drift, days, gzip } = settings;
  const shape: ClickShape = { seed, calibration, scale, drift, days };
  const model = createClickModel(clickSources[source], shape);
  const keys = createKeys(model);
  const teacher = fitTeacher(model, settings.labelRate);
  const layout: RowLayout = {
    denseFeatures: denseColumns(model),
    denseEncoding: "int32-log1p",
    steps: 0,
    hotness: model.tables.map(() => 1),
  };
  return {
    jobWith: () => ({ kind: "clicks", gzip, source, format, rows, shape, teacher }),
    survey: null,
    isLabelled: true,
    outputs: outputsOf(source, format, rows, days),
    unitRows: 8192,
    layout,
    tables: model.tables.map(({ name, rows }, t) => ({ name, rows, keys: keys[t].kind, keyOf: keys[t].keyOf })),
    header: format === "raw" ? rawFormats[source].header : null,
    lineBytes: source === "avazu" ? 160 : 240,
  };
}

function fitTeacher(model: ClickModel, labelRate: number): Teacher {
  const clicks = createClicks(model, tuningInputs / 10);
  const scores = new Float64Array(tuningInputs);
  for (let from = 0; from < tuningInputs; from += clicks.capacity) {
    const hourOf = (index: number) => index % 24;
    const range = { from, count: clicks.capacity, day: 0, hourOf, purpose: purposes.tuning };
    drawClicks(model, { bias: 0, gain: 1 }, clicks, range);
    scores.set(clicks.scores, from);
  }
  return tuneTeacher(scores, labelRate, model.source.auc);
}

const seriesLayout: RowLayout = { denseFeatures: 1, denseEncoding: "float32", steps: seriesSteps, hotness: [1, 1, 1] };

const taobaoTables = ({ users, law }: TaobaoModel): DesignTable[] =>
  [
    { name: "user", rows: users },
    { name: "item", rows: law.items },
    { name: "category", rows: law.categories },
  ].map((table) => ({ ...table, keys: "decimal", keyOf: (row) => row + 1 }));

function actionDesign({ rows, seed, scale, gzip }: SynthSettings, model: TaobaoModel): Design {
  const users = usersFor(model, rows);
  if (!users) throw wrong("rows", rows, `no more lines than ${model.users} users have (about 100 each)`);
  const all = { from: 0, to: users.users };
  return {
    jobWith: () => ({ kind: "actions", gzip, seed, scale, users }),
    survey: null,
    isLabelled: false,
    outputs: {
      files: [{ name: "UserBehavior.csv", ...all }],
      splits: [{ name: "train", ...all }],
      days: [0, users.users],
    },
    unitRows: 128,
    layout: seriesLayout,
    tables: taobaoTables(model),
    header: null,
    lineBytes: 40,
  };
}

/** TBSM's proportions: 10.2 million training series stand beside 0.5 million of validation and 0.3 million of test. */
function seriesDesign({ rows, seed, scale }: SynthSettings, model: TaobaoModel): Design {
  const val = 2 * Math.floor(rows / 40);
  const test = Math.floor((rows * 3) / 100);
  const train = rows - val - test;
  const users = usersForSeries(model, train, val, test);
  if (!users) throw wrong("rows", rows, `no more series than ${model.users} users give (about 12 each)`);
  const splits: Range<SplitOfInputs>[] = [
    { name: "train", from: 0, to: train },
    { name: "test", from: train, to: train + test },
    { name: "val", from: train + test, to: rows },
  ];
  return {
    jobWith: (poolPath) => ({ kind: "series", gzip: false, seed, scale, users, splits, poolPath }),
    survey: { users: users.train + users.test },
    isLabelled: true,
    outputs: { files: splits.map((split) => ({ ...split, name: `${split.name}.rows` })), splits, days: [0, rows] },
    unitRows: 2048,
    layout: seriesLayout,
    tables: taobaoTables(model),
    header: null,
    lineBytes: 0,
  };
}
