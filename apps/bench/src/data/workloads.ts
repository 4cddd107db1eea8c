import { basename } from "node:path";
import type { OptimizerName, PreparedData, Program } from "@fae/core";
import { ConfigError, rowStateValues } from "@fae/core";
import { openPrepared, type RawFormatName } from "@fae/datasets";
import { criteoTerabyteRows, dataShape, findModel, type ModelOptions } from "@fae/models";
import type { Bench, Size } from "../scenario.js";
import { generatedLog, type LogSpec } from "./log.js";
import type { HotSpec } from "./pack.js";

/** A model on a data set, as the paper pairs them, at the size that the bench can afford. */
export interface Workload {
  /** e.g. `RMC2`. */
  readonly name: string;
  readonly model: string;
  readonly modelOptions: ModelOptions;
  readonly program: Program;
  /** Prepared; packed only when the user's own directory is. */
  readonly data: PreparedData;
  readonly hot: HotSpec;
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly batch: number;
  /** What was scaled or made up, for the notes. */
  readonly notes: readonly string[];
}

interface Pairing {
  readonly name: string;
  readonly model: string;
  readonly source: RawFormatName;
  readonly budgetBytes: number;
}

const MiB = 2 ** 20;
const terabyte = { source: "criteo-terabyte", budgetBytes: 512 * MiB } as const;

/** The paper's pairs of model and data, with the budgets of its released code and slides. */
const rmc: readonly Pairing[] = [
  { name: "RMC1", model: "rmc1", source: "taobao", budgetBytes: 256 * MiB },
  { name: "RMC2", model: "rmc2", source: "criteo-kaggle", budgetBytes: 256 * MiB },
  { name: "RMC3", model: "rmc3", ...terabyte },
  { name: "RMC4", model: "rmc4", source: "avazu", budgetBytes: 256 * MiB },
];
const syn: readonly Pairing[] = [1, 2, 3, 4].map((n) => ({ name: `SYN-M${n}`, model: `syn-m${n}`, ...terabyte }));

export const workloadNames = ["RMC1", "RMC2", "RMC3", "RMC4", "SYN-M1", "SYN-M2", "SYN-M3", "SYN-M4"] as const;
export type WorkloadName = (typeof workloadNames)[number];

/** Inputs of a generated log, over all splits. */
export const logInputs: Readonly<Record<Size, number>> = { tiny: 480, quick: 40_000, full: 4_000_000 };

/** A name for people: what the log stands for. */
export const logTitles: Readonly<Record<PreparedData["source"], string>> = {
  "criteo-kaggle": "Criteo Kaggle",
  "criteo-terabyte": "Criteo Terabyte",
  avazu: "Avazu",
  taobao: "Taobao",
  custom: "custom data",
  schema: "data with a schema",
};

/**
 * The workloads that a scenario asks for. With `--data DIR` there is one: the model that fits the directory, and of the
 * synthetic models all that fit.
 */
export async function workloads(bench: Bench, names: readonly WorkloadName[]): Promise<Workload[]> {
  const { onlyWorkloads } = bench;
  const asked = [...rmc, ...syn].filter(
    ({ name }) => names.some((wanted) => wanted === name) && (onlyWorkloads?.includes(name) ?? true),
  );
  if (asked.length === 0) throw noneLeft(names, onlyWorkloads ?? []);
  if (bench.data !== "synthetic") return ownWorkloads(bench, asked);
  const made: Workload[] = [];
  for (const pairing of asked) made.push(await generatedWorkload(bench, pairing));
  return made;
}

function noneLeft(names: readonly WorkloadName[], only: readonly string[]): ConfigError {
  return new ConfigError(`The scenario measures ${names.join(", ")}, and --workload asks for ${only.join(", ")}.`, {
    fix: "Ask for one of the scenario's workloads, or leave --workload away.",
    details: { option: "workload", found: only, expected: names },
  });
}

async function ownWorkloads(bench: Bench, asked: readonly Pairing[]): Promise<Workload[]> {
  const data = await openPrepared(bench.data);
  const fits = ({ model }: Pairing) => {
    const { fits } = findModel(model);
    const { denseFeatures, steps } = data.layout;
    return fits?.denseFeatures === denseFeatures && fits.steps === steps && fits.tables === data.tables.length;
  };
  const fitting = asked.filter((pairing) => fits(pairing));
  const sameSource = fitting.filter(({ source }) => source === data.source);
  const chosen = sameSource.length > 0 ? sameSource : fitting.slice(0, 1);
  const generic: Pairing = {
    name: basename(data.directory),
    model: data.layout.steps > 0 ? "tbsm" : "dlrm",
    source: "criteo-kaggle",
    budgetBytes: 256 * MiB,
  };
  return (chosen.length > 0 ? chosen : [generic]).map((pairing) =>
    workloadOn(bench, pairing, data, 1, [`${pairing.name} on the prepared data '${basename(data.directory)}'.`]),
  );
}

/** The log that a source is generated as, at the bench's size. */
export function logSpec(bench: Pick<Bench, "size" | "memoryBytes">, source: RawFormatName): LogSpec {
  const hasPairs = source === "criteo-kaggle" || source === "criteo-terabyte";
  return {
    source,
    inputs: logInputs[bench.size],
    scale: scaleOf(bench, source),
    calibration: hasPairs ? "paper" : "counts",
    // The paper's Terabyte log has 7 of 8 negatives dropped.
    ...(source === "criteo-terabyte" ? { labelRate: 0.21 } : {}),
    seed: 1,
  };
}

async function generatedWorkload(bench: Bench, pairing: Pairing): Promise<Workload> {
  const spec = logSpec(bench, pairing.source);
  const data = await generatedLog(bench, spec);
  const title = logTitles[pairing.source];
  const scaled = spec.scale < 1 ? `, tables and budget scaled to ${spec.scale}` : "";
  const note = `${pairing.name}: ${spec.inputs.toLocaleString("en-US")} synthetic inputs with the popularity of ${title}${scaled}.`;
  return workloadOn(bench, pairing, data, spec.scale, [note]);
}

function workloadOn(
  bench: Bench,
  pairing: Pairing,
  data: PreparedData,
  scale: number,
  notes: readonly string[],
): Workload {
  const { model, modelOptions } = bench.size === "tiny" ? tinyModel(data) : { model: pairing.model, modelOptions: {} };
  const { recommended } = findModel(pairing.model);
  const program = findModel(model).build(dataShape(data), modelOptions);
  const budgetBytes =
    bench.budgetBytes ?? (bench.size === "tiny" ? tinyBudget : Math.round(pairing.budgetBytes * scale));
  return {
    name: pairing.name,
    model,
    modelOptions,
    program,
    data,
    hot: {
      width: program.width,
      stateValues: rowStateValues(recommended.optimizer, program.width),
      budgetBytes,
      // 1 MiB at 256 MiB; in proportion, so that small tables never take a small budget whole.
      smallTableBytes: Math.min(MiB, Math.floor(budgetBytes / 256)),
    },
    optimizer: recommended.optimizer,
    learningRate: recommended.learningRate,
    batch: bench.size === "tiny" ? 16 : bench.size === "quick" ? 256 : recommended.batch,
    notes,
  };
}

const tinyBudget = 24 * 1024;

/** A network of a few weights in the shape of the data: the reference engine is slow. */
const tinyModel = (data: PreparedData): { model: string; modelOptions: ModelOptions } =>
  data.layout.steps > 0
    ? { model: "tbsm", modelOptions: { width: 4, bottomMlp: [4], towerTopMlp: [3], attentionMlp: [3], headMlp: [1] } }
    : { model: "dlrm", modelOptions: { width: 4, bottomMlp: [4], topMlp: [1] } };

/** Bytes of the tables at the paper's sizes and the models' widths. */
const tableBytes: Readonly<Record<RawFormatName, number>> = {
  "criteo-kaggle": 33_762_577 * 64,
  "criteo-terabyte": criteoTerabyteRows.reduce((sum, rows) => sum + rows, 0) * 256,
  avazu: 9_449_226 * 64,
  taobao: 5_159_457 * 128,
};

/** A round share of the rows whose tables take at most 40 % of memory, with room for the optimizer's state beside. */
function scaleOf({ size, memoryBytes }: Pick<Bench, "size" | "memoryBytes">, source: RawFormatName): number {
  if (size === "tiny") return 1e-4;
  if (size === "quick") return source === "criteo-terabyte" ? 0.002 : 0.01;
  const share = (0.4 * memoryBytes) / tableBytes[source];
  return [1, 0.5, 0.25, 0.2, 0.1, 0.05, 0.02, 0.01].find((scale) => scale <= share) ?? 0.005;
}
