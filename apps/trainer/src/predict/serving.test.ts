import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auc, openRows, Random } from "@fae/core";
import {
  openPrepared,
  prepare,
  type RawFormatName,
  rawFormats,
  readNpz,
  toBatchSource,
  writeManifest,
} from "@fae/datasets";
import { writeSafetensors } from "@fae/embedding-store";
import { profile, writeProfile } from "@fae/profiler";
import { InferenceSession, Tensor } from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { captureIo } from "../cli/test-io.js";
import { main } from "../cli.js";
import type { Description } from "../export/description.js";
import { exportModel } from "../export/export-model.js";
import { importWeights } from "../export/import-weights.js";
import { packData } from "../pack/pack-data.js";
import { loadEngine } from "../train/engines.js";
import { evaluateModel } from "../train/evaluate-model.js";
import { trainModel } from "../train/train-model.js";
import { openModel } from "./open-model.js";
import { type PredictOptions, predictScores } from "./predict-scores.js";

let root = "";
const at = (...parts: string[]): string => join(root, ...parts);
const modelOptions = { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] };

const hasCpu = await loadEngine("cpu").then(
  () => true,
  () => false,
);
if (!hasCpu) console.log("not tested: the cpu engine, which does not run here");
const engines = ["reference", "tfjs:cpu", ...(hasCpu ? ["cpu"] : [])];

const tables = [
  { rows: 40, bag: 1 },
  { rows: 7, bag: 3 },
  { rows: 5, bag: 1 },
];
const layout = {
  denseFeatures: 2,
  denseEncoding: "float32",
  steps: 0,
  hotness: tables.map(({ bag }) => bag),
} as const;

/** Inputs whose labels follow the first id; one id in four is no row, so that bags are short and empty. */
function writeRows(name: string, inputs: number, seed: number): { file: string; rows: number; positives: number } {
  const random = new Random(seed);
  const words = new Int32Array(inputs * 8);
  const floats = new Float32Array(words.buffer);
  let positives = 0;
  for (let i = 0; i < inputs; i++) {
    floats[i * 8 + 1] = random.next();
    floats[i * 8 + 2] = random.next();
    let word = i * 8 + 3;
    for (const { rows, bag } of tables)
      for (let l = 0; l < bag; l++) words[word++] = random.below(4) === 0 ? -1 : random.below(rows);
    words[i * 8] = random.next() < (words[i * 8 + 3] % 2 === 0 ? 0.6 : 0.2) ? 1 : 0;
    positives += words[i * 8];
  }
  words.fill(-1, 3, 8); // an input without a single row
  writeFileSync(at("data", name), words);
  return { file: name, rows: inputs, positives };
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fae-serving-"));
  mkdirSync(at("data"));
  const splits = { train: writeRows("train.rows", 3000, 1), test: writeRows("test.rows", 700, 2) };
  writeManifest(at("data"), {
    format: "fae-prepared",
    version: 1,
    source: "custom",
    sources: [],
    layout: { ...layout, hotness: [...layout.hotness] },
    tables: tables.map(({ rows }, t) => ({ name: `t${t}`, rows, vocabulary: null })),
    splits,
    labelRate: 0.4,
    lines: { total: 0, crlf: 0, rejected: 0, byReason: {}, file: null },
    // As of data whose training split was thinned: every door corrects its scores.
    options: { dropNegatives: 0.5, thinned: "train" },
  });
  const data = await openPrepared(at("data"));
  await writeProfile(
    at("profile"),
    await profile({ data, width: 4, stateValues: 0, budgetBytes: 400, smallTableBytes: 0 }),
  );
  await packData({ data: at("data"), profile: at("profile"), out: at("packed") });
});
afterAll(() => rmSync(root, { recursive: true }));

const common = { model: "dlrm", modelOptions, batch: 100, learningRate: 1, epochs: 8 } as const;

async function predicted(options: Omit<PredictOptions, "write">): Promise<Float32Array> {
  const parts: string[] = [];
  await predictScores({ ...options, write: (part) => void parts.push(part) });
  return Float32Array.from(parts.join("").trimEnd().split("\n"), (line) => Number(line.split("\t")[1]));
}

/** What ONNX Runtime makes of an exported model. */
async function onnxScores(
  path: string,
  dense: Float32Array,
  ids: ArrayLike<number>,
  inputs: number,
): Promise<Float32Array> {
  const data = readFileSync(`${path}.data`);
  const externalData = [{ path: `${path.split("/").at(-1)}.data`, data }];
  const session = await InferenceSession.create(readFileSync(path), { externalData, logSeverityLevel: 4 });
  const { probability } = await session.run({
    dense: new Tensor("float32", dense, [inputs, dense.length / inputs]),
    ids: new Tensor("int64", BigInt64Array.from(Array.from(ids), BigInt), [inputs, ids.length / inputs]),
  });
  return probability.data as Float32Array;
}

const descriptionOf = (path: string): Description => JSON.parse(readFileSync(`${path}.json`, "utf8"));

test("every door and every export gives one score: missing and unknown ids, empty bags, thinned training", async () => {
  const trained = await trainModel({ ...common, data: at("data"), engine: "reference", run: at("run") });
  const data = await openPrepared(at("data"));
  using reader = openRows(toBatchSource(data, "test"), { batch: 1000, tables: data.tables });
  const { dense, ids, labels, inputs } = reader.read(0, null);
  await using model = await openModel(at("run"));
  const expected = await model.predict({ dense, ids });
  const out = at("all.onnx");
  await exportModel({ model: at("run"), format: "onnx", out });
  await exportModel({ model: at("run"), format: "safetensors", out: at("all.safetensors") });
  await exportModel({ model: at("run"), format: "npz", out: at("all.npz") });
  const arrays = Object.entries(await readNpz(at("all.npz")));
  const tensors = arrays.map(([name, { shape, data }]) => ({
    name,
    shape,
    dtype: "F32" as const,
    data: data as Float32Array,
  }));
  await writeSafetensors(at("npz.safetensors"), tensors);
  for (const name of ["all", "npz"])
    await importWeights({
      model: "dlrm",
      modelOptions,
      weights: at(`${name}.safetensors`),
      data: at("data"),
      out: at(`${name}-model`),
    });

  const scores: Record<string, Float32Array> = {
    openModel: expected,
    predict: await predicted({ model: at("run"), from: "test" }),
    "predict of a pack": await predicted({ model: at("run"), from: "test", data: at("packed") }),
    "predict of safetensors": await predicted({ model: at("all-model"), from: "test", data: at("data") }),
    "predict of npz": await predicted({ model: at("npz-model"), from: "test", data: at("data") }),
    "ONNX Runtime": await onnxScores(out, dense, ids, inputs),
  };
  const metrics: Record<string, { auc: number | null; calibration: number | null; logLoss: number | null }> = {};
  for (const engine of engines) {
    for (const name of ["data", "packed"]) {
      const { evaluation, report } = await evaluateModel({
        model: at("run"),
        data: at(name),
        split: "test",
        engine,
        batch: 64,
        threads: 2,
      });
      scores[`evaluate on ${engine}, ${name}`] = evaluation.scores;
      metrics[`evaluate on ${engine}, ${name}`] = report.metrics;
    }
    const again = await trainModel({ ...common, data: at("data"), engine, run: at(`run-${engine}`) });
    const own = await evaluateModel({
      model: at(`run-${engine}`),
      data: at("data"),
      split: "test",
      engine,
      batch: 100,
      threads: 1,
    });
    expect(again.metrics.test?.auc).toBeCloseTo(own.report.metrics.auc ?? Number.NaN, 6);
    expect(again.metrics.test?.calibration).toBeCloseTo(own.report.metrics.calibration ?? Number.NaN, 6);
  }
  const expectedAuc = auc(expected, labels);
  expect(expectedAuc).toBeGreaterThan(0.6);
  expect(Math.abs((trained.metrics.test?.auc ?? 0) - expectedAuc)).toBeLessThan(1e-6);
  for (const [door, found] of Object.entries(scores)) {
    expect(found, door).toHaveLength(inputs);
    found.forEach((score, i) => {
      expect(Math.abs(score - expected[i]), `${door}, input ${i}`).toBeLessThan(1e-6);
    });
    expect(Math.abs(auc(found, labels) - expectedAuc), door).toBeLessThan(1e-6);
  }
  const own = trained.metrics.test;
  for (const [door, found] of Object.entries(metrics)) {
    expect(Math.abs((found.auc ?? 0) - expectedAuc), door).toBeLessThan(1e-6);
    expect(found.calibration, door).toBeCloseTo(own?.calibration ?? Number.NaN, 5);
    expect(found.logLoss, door).toBeCloseTo(own?.logLoss ?? Number.NaN, 5);
  }
  // The correction: odds are halved.
  await using plain = await openModel(at("run"), { uncorrected: true });
  (await plain.predict({ dense, ids })).forEach((p, i) => {
    expect(expected[i]).toBeCloseTo(p / (p + (1 - p) / 0.5), 6);
  });
  expect(descriptionOf(out).output).toMatchObject({ keptNegatives: 0.5 });
  for (const [more, told] of [
    [[], "scores are corrected for it"],
    [["--uncorrected"], "scores are not corrected for it"],
  ] as const) {
    const io = captureIo();
    expect(await main(["predict", at("run"), at("data"), ...more], io)).toBe(0);
    expect(io.err()).toContain(`training kept 50.0 % of the inputs without a click: ${told}`);
  }
});

test("an id that is no row is refused at both ends of every table, by ONNX Runtime too", async () => {
  await using model = await openModel(at("run"));
  const dense = new Float32Array(2);
  for (const [column, { rows }] of [tables[0], tables[1], tables[1], tables[1], tables[2]].entries())
    for (const id of [-2, -rows, rows, rows + 1]) {
      const ids = [-1, -1, -1, -1, -1];
      ids[column] = id;
      await expect(model.predict({ dense, ids: Int32Array.from(ids) })).rejects.toMatchObject({ code: "ERR_DATA" });
      await expect(onnxScores(at("all.onnx"), dense, ids, 1)).rejects.toThrow();
    }
});

/** Lines of a log with few keys; some columns are empty where the format allows it. */
function lines(name: RawFormatName, count: number, seed: number, keys: number): string {
  const random = new Random(seed);
  const { line, header } = rawFormats[name];
  const value: Record<string, () => string> = {
    label: () => `${random.below(2)}`,
    count: () => (random.below(4) === 0 ? "" : `${random.below(50) - 1}`),
    "hex-or-missing": () => (random.below(4) === 0 ? "" : (random.below(keys) + 0xfffffff0).toString(16).slice(-8)),
    hex: () => random.below(keys).toString(16),
    integer: () => `${random.below(keys) - 1}`,
    hour: () => `141021${String(random.below(24)).padStart(2, "0")}`,
    skipped: () => `${random.below(1e9)}`,
  };
  const rows = Array.from({ length: count }, () => line.fields.map(({ kind }) => value[kind]()).join(line.delimiter));
  return `${[...(header === null ? [] : [header]), ...rows].join("\n")}\n`;
}

/** Turns raw lines into inputs with nothing but what `export` wrote, as a server in another language would. */
function fromExport(
  path: string,
  name: RawFormatName,
  text: string,
): { dense: Float32Array; ids: number[]; inputs: number } {
  const { dense, ids } = descriptionOf(path);
  const known = new Map<string, number>();
  if (ids.vocabulary !== null)
    for (const line of readFileSync(at(ids.vocabulary), "utf8").trimEnd().split("\n").slice(1)) {
      const [table, key, id] = line.split("\t");
      known.set(`${table} ${key}`, Number(id));
    }
  const { line, header } = rawFormats[name];
  const rows = text
    .trimEnd()
    .split("\n")
    .slice(header === null ? 0 : 1)
    .map((row) => row.split(line.delimiter));
  const fieldAt = (column: string) => line.fields.findIndex((field) => field.name === column);
  const isHex = (column: string) => line.fields[fieldAt(column)].kind.startsWith("hex");
  const numbers = rows.flatMap((row) =>
    (dense.columns ?? []).map((column) => {
      const text = row[fieldAt(column)];
      return Math.log1p(Math.max(0, Number(column === "hour" ? text.slice(-2) : text)));
    }),
  );
  const found = rows.flatMap((row) =>
    ids.tables.map(({ table, rule, modulo, keys, missing }) => {
      const text = row[fieldAt(table)] || "0";
      const key = isHex(table) ? Number.parseInt(text, 16) : Number(text);
      const reduced = modulo === null ? key : (key >>> 0) % modulo;
      if (rule === "modulo") return reduced;
      const written = keys === "hex" ? reduced.toString(16).padStart(8, "0") : `${reduced}`;
      return known.get(`${table} ${written}`) ?? missing;
    }),
  );
  return { dense: Float32Array.from(numbers), ids: found, inputs: rows.length };
}

describe.each([
  ["criteo-kaggle", {}],
  ["criteo-kaggle", { maxRowsPerTable: 13 }],
  ["criteo-kaggle", { ids: "hash", maxRowsPerTable: 50 }],
  ["avazu", {}],
] as const)("a model of %s (%o)", (format, more) => {
  test("scores raw lines when the data set is gone, and so does its export with the files beside it", async () => {
    const name = `${format}-${JSON.stringify(more).length}`;
    writeFileSync(at(`${name}.txt`), lines(format, 280, 3, 20));
    await prepare({ format, files: [at(`${name}.txt`)], directory: at(name), workers: 1, asGiven: true, ...more });
    await trainModel({ ...common, batch: 40, data: at(name), engine: "reference", run: at(`${name}-run`) });
    const text = lines(format, 60, 4, 40); // half of its keys are unknown
    writeFileSync(at(`${name}-new.txt`), text);
    const from = { format, text: at(`${name}-new.txt`) };
    const before = await predicted({ model: at(`${name}-run`), from, data: at(name) });
    renameSync(at(name), at(`${name}-moved`));
    const report = await predictScores({ model: at(`${name}-run`), from, write: () => {} });
    if (!("ids" in more)) expect(Object.keys(report.unknownKeys).length > 0).toBe(!("maxRowsPerTable" in more));
    expect(await predicted({ model: at(`${name}-run`), from })).toEqual(before);
    const out = at(`${name}.onnx`);
    const { files, vocabularyLack } = await exportModel({ model: at(`${name}-run`), format: "onnx", out });
    expect(vocabularyLack).toBeNull();
    const endings = "ids" in more ? ["", ".data", ".json"] : ["", ".data", ".json", ".keys.tsv"];
    expect(files.map(({ path }) => path)).toEqual(endings.map((ending) => `${out}${ending}`));
    const { dense, ids, inputs } = fromExport(out, format, text);
    const onnx = await onnxScores(out, dense, ids, inputs);
    expect(onnx).toHaveLength(before.length);
    onnx.forEach((score, i) => {
      expect(Math.abs(score - before[i])).toBeLessThan(1e-6);
    });
    const description = descriptionOf(out);
    expect(JSON.parse(/\{"format":"fae-model".*?\}\}/.exec(readFileSync(out, "latin1"))?.[0] ?? "")).toEqual(
      description,
    );
    expect(description).toMatchObject({ model: "dlrm", source: format, step: 48 });
    expect(description.ids.tables.map(({ table }) => table)).toEqual(rawFormats[format].tables.map(({ name }) => name));
  });
});
