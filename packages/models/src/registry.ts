import {
  ConfigError,
  checkArguments,
  is,
  type OptimizerName,
  type Program,
  type RowLayout,
  type Shape,
} from "@fae/core";
import { type Dcnv2Config, dcnv2 } from "./dcnv2.js";
import { type DeepFmConfig, deepfm } from "./deepfm.js";
import { type DlrmConfig, dlrm } from "./dlrm.js";
import { type Preset, rmc1, rmc2, rmc3, rmc4, synM1, synM2, synM3, synM4 } from "./presets.js";
import { type TbsmConfig, tbsm } from "./tbsm.js";

/** What a model must know about a data set. */
export interface DataShape {
  /** F, per step. */
  readonly denseFeatures: number;
  /** S; 0 without sequence. */
  readonly steps: number;
  /** N of each table, in id order of the layout. */
  readonly tableRows: readonly number[];
}

type DlrmOptions = Omit<DlrmConfig, "tableRows" | "denseFeatures">;
type Dcnv2Options = Omit<Dcnv2Config, "tableRows" | "denseFeatures">;
type DeepFmOptions = Omit<DeepFmConfig, "tableRows" | "denseFeatures">;
type TbsmOptions = Omit<TbsmConfig, "tableRows" | "denseFeatures" | "history">;

/** Sizes that a model without fixed sizes may set; the data give the others. */
export type ModelOptions = Partial<DlrmOptions & Dcnv2Options & DeepFmOptions & TbsmOptions>;

/** Every option by name: the types see to it that none is missing. */
const towerOptions = { name: true, width: true, bottomMlp: true, interaction: true } as const;
const dlrmOptions: Readonly<Record<keyof DlrmOptions, true>> = { ...towerOptions, topMlp: true };
const dcnv2Options: Readonly<Record<keyof Dcnv2Options, true>> = {
  name: true,
  width: true,
  bottomMlp: true,
  crossLayers: true,
  crossRank: true,
  structure: true,
  topMlp: true,
};
const deepFmOptions: Readonly<Record<keyof DeepFmOptions, true>> = { name: true, width: true, topMlp: true };
const tbsmOptions: Readonly<Record<keyof TbsmOptions, true>> = {
  ...towerOptions,
  towerTopMlp: true,
  heads: true,
  headHistory: true,
  inner: true,
  mechanism: true,
  attentionMlp: true,
  headMlp: true,
  project: true,
};

/** Where the paper's (or the reference's) runs start; flags override. */
export interface Recommended {
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly batch: number;
}

/** F, T and S of the data that a preset is for. */
export interface Fits {
  readonly denseFeatures: number;
  readonly tables: number;
  readonly steps: number;
}

export interface ModelEntry {
  readonly name: string;
  /** One line for a list of models. */
  readonly describe: string;
  /** The only data shape that it fits; absent: any. */
  readonly fits?: Fits;
  readonly recommended: Recommended;
  /** The program for a data set. @throws ConfigError when the data have another F, S or number of tables, or an option does not fit. */
  build(data: DataShape, options?: ModelOptions): Program;
}

/** The model's view of a prepared data set. */
export const dataShape = (prepared: {
  readonly layout: Pick<RowLayout, "denseFeatures" | "steps">;
  readonly tables: readonly { readonly rows: number }[];
}): DataShape => ({
  denseFeatures: prepared.layout.denseFeatures,
  steps: prepared.layout.steps,
  tableRows: prepared.tables.map((table) => table.rows),
});

const dlrmDefaults: Recommended = { optimizer: "sgd", learningRate: 0.1, batch: 1024 };
const tbsmDefaults: Recommended = { optimizer: "adagrad", learningRate: 0.05, batch: 256 };

function presetEntry(preset: Preset, entry: Omit<ModelEntry, "build"> & { readonly fits: Fits }): ModelEntry {
  const build = (data: DataShape, options: ModelOptions = {}): Program => {
    checkBuild(entry.name, data, options);
    const set = Object.keys(options);
    if (set.length > 0)
      throw new ConfigError(`Model '${entry.name}' has fixed sizes; option '${set[0]}' cannot change them.`, {
        fix: `Use model '${entry.fits.steps > 0 ? "tbsm" : "dlrm"}', which takes every size as an option.`,
        details: { option: set[0], model: entry.name },
      });
    expectFit(entry.name, data, entry.fits);
    return preset(data.tableRows);
  };
  return { ...entry, build };
}

function expectFit(model: string, data: DataShape, expected: Fits): void {
  const found: Fits = { denseFeatures: data.denseFeatures, steps: data.steps, tables: data.tableRows.length };
  const equals = (a: Fits): boolean =>
    a.denseFeatures === found.denseFeatures && a.steps === found.steps && a.tables === found.tables;
  if (equals(expected)) return;
  const words = (s: Fits): string => `${s.denseFeatures} dense features, ${s.tables} tables and ${s.steps} steps`;
  const fitting = models.find((entry) => entry.fits !== undefined && equals(entry.fits));
  throw new ConfigError(`Model '${model}' needs ${words(expected)}; the data have ${words(found)}.`, {
    fix: `Use model '${fitting?.name ?? (found.steps > 0 ? "tbsm" : "dlrm")}' for these data.`,
    details: { option: "model", model, found, expected },
  });
}

const shapeKinds: Shape<DataShape> = { denseFeatures: is.whole(), steps: is.whole(), tableRows: is.list(is.whole()) };

const checkBuild = (model: string, data: DataShape, options: ModelOptions): void =>
  checkArguments(`model '${model}'`, {
    data: [data, is.having("the shape of a data set", shapeKinds)],
    modelOptions: [options, is.having("an object of sizes")],
  });

function expectOptions(model: string, options: ModelOptions, of: Readonly<Record<string, true>>): void {
  const known = Object.keys(of);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new ConfigError(`Model '${model}' has no option '${unknown}'.`, {
    fix: `Its options are ${known.join(", ")}.`,
    details: { option: unknown, model, expected: known },
  });
}

function expectNoSteps(model: string, { steps }: DataShape): void {
  if (steps > 0)
    throw new ConfigError(`Model '${model}' takes no sequences; the data have ${steps} steps.`, {
      fix: "Use model 'tbsm' for these data.",
      details: { option: "model", found: steps, expected: 0 },
    });
}

function buildDlrm(data: DataShape, options: ModelOptions = {}): Program {
  checkBuild("dlrm", data, options);
  expectOptions("dlrm", options, dlrmOptions);
  expectNoSteps("dlrm", data);
  const { denseFeatures, tableRows } = data;
  const width = options.width ?? 16;
  return dlrm({ bottomMlp: [512, 256, 64, width], topMlp: [512, 256, 1], ...options, width, denseFeatures, tableRows });
}

function buildDcnv2(data: DataShape, options: ModelOptions = {}): Program {
  expectOptions("dcnv2", options, dcnv2Options);
  expectNoSteps("dcnv2", data);
  const { denseFeatures, tableRows } = data;
  const width = options.width ?? 16;
  return dcnv2({
    bottomMlp: [512, 256, width],
    topMlp: [1024, 1024, 512, 256, 1],
    ...options,
    width,
    denseFeatures,
    tableRows,
  });
}

function buildDeepFm(data: DataShape, options: ModelOptions = {}): Program {
  expectOptions("deepfm", options, deepFmOptions);
  expectNoSteps("deepfm", data);
  const { denseFeatures, tableRows } = data;
  return deepfm({ width: 16, topMlp: [400, 400, 400, 1], ...options, denseFeatures, tableRows });
}

function buildTbsm(data: DataShape, options: ModelOptions = {}): Program {
  checkBuild("tbsm", data, options);
  expectOptions("tbsm", options, tbsmOptions);
  if (data.steps < 2)
    throw new ConfigError(`Model 'tbsm' needs at least 2 steps (history and candidate); the data have ${data.steps}.`, {
      fix: "Use model 'dlrm' for data without sequences.",
      details: { option: "model", found: data.steps, expected: 2 },
    });
  const width = options.width ?? 16;
  return tbsm({
    bottomMlp: [width],
    towerTopMlp: [15, 15],
    attentionMlp: [15, 15],
    headMlp: [60, 1],
    ...options,
    width,
    denseFeatures: data.denseFeatures,
    tableRows: data.tableRows,
    history: data.steps - 1,
  });
}

const taobao: Fits = { denseFeatures: 1, tables: 3, steps: 21 };
const criteo: Fits = { denseFeatures: 13, tables: 26, steps: 0 };
const avazu: Fits = { denseFeatures: 1, tables: 21, steps: 0 };

const dlrmEntry = (preset: Preset, name: string, fits: Fits, describe: string): ModelEntry =>
  presetEntry(preset, { name, describe, fits, recommended: dlrmDefaults });

/** Every model that the `fae` command knows. */
export const models: readonly ModelEntry[] = [
  presetEntry(rmc1, {
    name: "rmc1",
    describe: "RMC1: TBSM on Taobao, 3 tables x 16, 21 steps",
    fits: taobao,
    recommended: tbsmDefaults,
  }),
  dlrmEntry(rmc2, "rmc2", criteo, "RMC2: DLRM on Criteo Kaggle, 26 tables x 16"),
  dlrmEntry(rmc3, "rmc3", criteo, "RMC3: DLRM on Criteo Terabyte, 26 tables x 64"),
  dlrmEntry(rmc4, "rmc4", avazu, "RMC4: DLRM on Avazu, 21 tables x 16"),
  dlrmEntry(synM1, "syn-m1", criteo, "SYN-M1: 26 tables x 64, MLPs 13-64 and 512-1"),
  dlrmEntry(synM2, "syn-m2", criteo, "SYN-M2: 26 tables x 64, MLPs 13-512-64 and 512-256-1"),
  dlrmEntry(synM3, "syn-m3", criteo, "SYN-M3: 26 tables x 64, MLPs 13-1024-512-64 and 512-1024-256-1"),
  dlrmEntry(synM4, "syn-m4", criteo, "SYN-M4: 26 tables x 64, MLPs 13-1024-512-256-64 and 512-1024-512-256-1"),
  {
    name: "dlrm",
    describe: "DLRM of any size, for data without sequences",
    recommended: dlrmDefaults,
    build: buildDlrm,
  },
  {
    name: "dcnv2",
    describe: "DCNv2 of any size: low-rank cross layers, as MLPerf's DLRM-DCNv2",
    recommended: dlrmDefaults,
    build: buildDcnv2,
  },
  {
    name: "deepfm",
    describe: "DeepFM of any size: factorisation machine and MLP over the same vectors",
    recommended: dlrmDefaults,
    build: buildDeepFm,
  },
  { name: "tbsm", describe: "TBSM of any size, for sequences", recommended: tbsmDefaults, build: buildTbsm },
];

/** @throws ConfigError naming the models there are. */
export function findModel(name: string): ModelEntry {
  checkArguments("findModel", { name: [name, is.text] });
  const entry = models.find((model) => model.name === name.toLowerCase());
  if (entry === undefined)
    throw new ConfigError(`There is no model '${name}'.`, {
      fix: `Use one of ${models.map((model) => model.name).join(", ")}.`,
      details: { option: "model", found: name, expected: models.map((model) => model.name) },
    });
  return entry;
}
