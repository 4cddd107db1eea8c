import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BatchSource, openRows, type Program } from "@fae/core";
import { openPrepared, readNpz, toBatchSource, writeManifest } from "@fae/datasets";
import { openSafetensors, writeSafetensors } from "@fae/embedding-store";
import { type ModelOptions, referenceShape } from "@fae/models";
import { InferenceSession, Tensor } from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { captureIo } from "../cli/test-io.js";
import { main } from "../cli.js";
import { openModel } from "../predict/open-model.js";
import { predictScores } from "../predict/predict-scores.js";
import { openSaved } from "../predict/saved-model.js";
import { readParameter, readTable } from "../predict/weights.js";
import { writeSmallData } from "../test-data.js";
import { trainModel } from "../train/train-model.js";
import { readGoldenCase } from "../verify/golden-case.js";
import { exportModel } from "./export-model.js";
import { importWeights } from "./import-weights.js";

let root = "";
const at = (...parts: string[]): string => join(root, ...parts);

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fae-export-"));
  writeSmallData(at("data"));
  writeSmallData(at("series"), { steps: 5, denseFeatures: 1, inputs: { train: 200, test: 80 } });
  const common = { engine: "reference", batch: 50, learningRate: 0.3 };
  const modelOptions = { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] };
  await trainModel({ ...common, data: at("data"), model: "dlrm", modelOptions, run: at("dlrm") });
  await trainModel({ ...common, data: at("series"), model: "tbsm", modelOptions: { width: 4 }, run: at("tbsm") });
});
afterAll(() => rmSync(root, { recursive: true }));

const runs = [
  ["dlrm", "data"],
  ["tbsm", "series"],
] as const;

/** Every tensor of a run by name, in the reference's shape. */
async function tensorsOf(run: string) {
  const { checkpoint, program } = await openSaved(run);
  const found = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const { name, rows } of program.tables) {
    const parts: number[] = [];
    for await (const chunk of readTable(checkpoint, name)) parts.push(...chunk);
    found.set(name, { shape: [rows, program.width], data: Float32Array.from(parts) });
  }
  for (const param of program.params)
    found.set(param.name, { shape: referenceShape(param), data: await readParameter(checkpoint, param.name) });
  return found;
}

test.each(runs)("safetensors and npz of %s hold every tensor in the reference's shape", async (run) => {
  const expected = await tensorsOf(at(run));
  const report = await exportModel({ model: at(run), format: "safetensors", out: at(`${run}.safetensors`) });
  await exportModel({ model: at(run), format: "npz", out: at(`${run}.npz`) });
  expect(report.tensors).toBe(expected.size);
  await using file = await openSafetensors(at(`${run}.safetensors`));
  expect([...file.tensors.keys()].sort()).toEqual([...expected.keys()].sort());
  expect(file.metadata.format).toBe("pt");
  const arrays = await readNpz(at(`${run}.npz`));
  for (const [name, { shape, data }] of expected) {
    expect(file.tensor(name)).toMatchObject({ shape, dtype: "F32" });
    expect(await file.floats(name)).toEqual(data);
    expect(arrays[name]).toMatchObject({ type: "float32", shape });
    expect(arrays[name].data).toEqual(data);
  }
  if (run === "tbsm") expect(file.tensor("ams.0.A").shape).toEqual([1, 15, 15]);
});

test.each(runs)("%s as ONNX predicts in ONNX Runtime what the model predicts", async (run, name) => {
  const out = at("onnx", `${run}.onnx`);
  const { files } = await exportModel({ model: at(run), format: "onnx", out });
  expect(files.map(({ path }) => path)).toEqual([out, `${out}.data`, `${out}.json`]);
  const data = await openPrepared(at(name));
  using reader = openRows(toBatchSource(data, "test"), { batch: 1000, tables: data.tables });
  const { dense, ids, inputs } = reader.read(0, null);
  const session = await InferenceSession.create(readFileSync(out), {
    externalData: [{ path: `${run}.onnx.data`, data: readFileSync(`${out}.data`) }],
  });
  const lead = data.layout.steps === 0 ? [inputs] : [inputs, data.layout.steps];
  const { probability } = await session.run({
    dense: new Tensor("float32", dense, [...lead, data.layout.denseFeatures]),
    ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), [...lead, 3]),
  });
  await using model = await openModel(at(run));
  const expected = await model.predict({ dense, ids });
  expect(probability.data).toHaveLength(inputs);
  expected.forEach((score, i) => {
    expect(Math.abs(score - Number(probability.data[i]))).toBeLessThan(1e-5);
  });
});

test.each(runs)("exported and imported weights of %s give the same scores", async (run, name) => {
  const weights = at(`${run}-again.safetensors`);
  await exportModel({ model: at(run), format: "safetensors", out: weights });
  const modelOptions: ModelOptions = run === "tbsm" ? { width: 4 } : { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] };
  const out = at(`${run}-imported`);
  const report = await importWeights({ weights, model: run, modelOptions, data: at(name), out });
  expect(report.checkpoint).toBe(out);
  const scores = async (model: string, data?: string) => {
    const text: string[] = [];
    await predictScores({ model, from: "test", ...(data && { data }), write: (part) => void text.push(part) });
    return text.join("");
  };
  expect(await scores(out, at(name))).toBe(await scores(at(run)));
  // The layout travels with an imported model: no data set is needed to leave again.
  await exportModel({ model: out, format: "onnx", out: at(`${run}-imported.onnx`) });
});

test.each(runs)("weights of %s start another training, in the shapes of the reference", async (run, name) => {
  const init = at(`${run}-init.safetensors`);
  await exportModel({ model: at(run), format: "safetensors", out: init });
  const { options } = JSON.parse(readFileSync(at(run, "report.json"), "utf8"));
  const continued = { ...options, run: null, maxBatches: 1, data: at(name) };
  const fromFile = await trainModel({ ...continued, init });
  for (const checkpoint of [at(run), at(run, "model")])
    expect((await trainModel({ ...continued, init: checkpoint })).lossCurve).toEqual(fromFile.lossCurve);
});

/** Writes a golden case's inputs as a prepared data set and its initial weights as the reference would save them. */
async function writeGolden(name: string): Promise<{ program: Program; source: BatchSource; scores: Float32Array }> {
  const golden = await readGoldenCase(join(import.meta.dirname, "../../../../test/golden", name));
  const { program } = golden;
  const [source] = golden.sources;
  mkdirSync(at(name));
  const words = source.storage.kind === "memory" ? source.storage.words : new Uint32Array(0);
  writeFileSync(at(name, "train.rows"), words);
  using reader = openRows(source, { batch: source.rows });
  const positives = reader.read(0, null).labels.reduce((sum, label) => sum + label, 0);
  writeManifest(at(name), {
    format: "fae-prepared",
    version: 1,
    source: "custom",
    sources: [],
    layout: { ...source.layout, hotness: [...source.layout.hotness] },
    tables: program.tables.map(({ rows }, t) => ({ name: `t${t}`, rows, vocabulary: null })),
    splits: { train: { file: "train.rows", rows: source.rows, positives } },
    labelRate: positives / source.rows,
    lines: { total: 0, crlf: 0, rejected: 0, byReason: {}, file: null },
    options: {},
  });
  const shapes = new Map<string, readonly number[]>([
    ...program.tables.map((table) => [table.name, [table.rows, program.width]] as const),
    ...program.params.map((param) => [param.name, referenceShape(param)] as const),
  ]);
  const tensors = [...golden.initial].map(([tensor, data]) => ({
    name: tensor,
    dtype: "F32" as const,
    shape: shapes.get(tensor) ?? [],
    data,
  }));
  await writeSafetensors(at(`${name}.safetensors`), tensors);
  return { program, source, scores: golden.predictions[0] };
}

const goldens: [string, string, ModelOptions][] = [
  ["dlrm-dot-sgd", "dlrm", { width: 8, bottomMlp: [16, 8], topMlp: [16, 8, 1] }],
  ["dlrm-cat-sgd", "dlrm", { width: 4, bottomMlp: [8, 4], topMlp: [8, 1], interaction: "cat" }],
  ["dlrm-multihot-sgd", "dlrm", { width: 8, bottomMlp: [16, 8], topMlp: [16, 8, 1] }],
  ["tbsm-rmc1-capped-sgd", "tbsm", {}],
  ["tbsm-heads3-seq", "tbsm", { heads: 3, headHistory: "shortened" }],
];
test.each(goldens)("the reference's own weights of %s predict what it recorded", async (name, model, modelOptions) => {
  const { source, scores } = await writeGolden(name);
  const weights = at(`${name}.safetensors`);
  await importWeights({ weights, model, modelOptions, data: at(name), out: at(`${name}-model`) });
  await using opened = await openModel(at(`${name}-model`));
  using reader = openRows(source, { batch: source.rows });
  const found = await opened.predict(reader.read(0, null));
  scores.forEach((score, i) => {
    expect(Math.abs(found[i] - score)).toBeLessThan(1e-6);
  });
});

describe("what cannot be exported or imported", () => {
  const modelOptions = { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] };
  const weights = () => at("dlrm-refused.safetensors");
  const imports = (more: object) =>
    importWeights({ weights: weights(), model: "dlrm", modelOptions, data: at("data"), out: at("no"), ...more });

  test("names that are taken", async () => {
    for (const format of ["safetensors", "onnx", "npz"] as const)
      await expect(exportModel({ model: at("dlrm"), format, out: at("data") })).rejects.toThrow("already exists");
  });

  test("a name that another export takes meanwhile", async () => {
    for (const format of ["safetensors", "onnx", "npz"] as const) {
      const out = at("both", `model.${format}`);
      const both = await Promise.allSettled([1, 2].map(() => exportModel({ model: at("dlrm"), format, out })));
      expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      const refused = both.find(({ status }) => status === "rejected");
      expect(refused).toMatchObject({ reason: { code: "ERR_CONFIG", message: expect.stringContaining(out) } });
      const alone = at("alone", `model.${format}`);
      await exportModel({ model: at("dlrm"), format, out: alone });
      if (format !== "npz") expect(readFileSync(out)).toEqual(readFileSync(alone));
      else expect(await readNpz(out)).toEqual(await readNpz(alone));
    }
    expect(readdirSync(at("both")).sort()).toEqual(readdirSync(at("alone")).sort());
  });

  test("weights of another shape, too few, too many", async () => {
    await exportModel({ model: at("dlrm"), format: "safetensors", out: weights() });
    await expect(imports({ modelOptions: { ...modelOptions, topMlp: [9, 1] } })).rejects.toThrow(
      "'top_l.0.weight' is [8, 10], expected [9, 10]",
    );
    await expect(imports({ modelOptions: { ...modelOptions, topMlp: [8, 1, 1] } })).rejects.toThrow(
      "it has no tensor 'top_l.4.weight'",
    );
    const extra = { name: "extra", dtype: "F32" as const, shape: [1], data: Float32Array.of(1) };
    const tensors = [...(await tensorsOf(at("dlrm")))].map(([name, rest]) => ({ ...extra, name, ...rest }));
    await writeSafetensors(at("extra.safetensors"), [...tensors, extra]);
    await expect(imports({ weights: at("extra.safetensors") })).rejects.toThrow("the model has no tensor 'extra'");
    await expect(
      imports({ model: "tbsm", modelOptions: {}, weights: at("extra.safetensors"), data: at("series") }),
    ).rejects.toThrow("it has no tensor");
    await expect(imports({ weights: at("nothing") })).rejects.toThrow("cannot be opened");
    expect(existsSync(at("no"))).toBe(false);
  });

  test("a damaged checkpoint, an interruption: nothing is left", async () => {
    const before = readdirSync(root);
    const controller = new AbortController();
    const stopped = { signal: controller.signal, onProgress: () => controller.abort() };
    for (const format of ["safetensors", "onnx", "npz"] as const) {
      const out = at(`stopped.${format}`);
      await expect(exportModel({ model: at("dlrm"), format, out, ...stopped })).rejects.toMatchObject({
        code: "ERR_INTERRUPTED",
      });
    }
    const { checkpoint } = await openSaved(at("dlrm"));
    const table = join(checkpoint.path, "table-0001.safetensors");
    const bytes = readFileSync(table);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(table, bytes);
    await expect(exportModel({ model: at("dlrm"), format: "npz", out: at("damaged.npz") })).rejects.toThrow(
      "'table-0001.safetensors' does not match",
    );
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(table, bytes);
    expect(readdirSync(root)).toEqual(before);
  });
});

test("fae export and fae import from the command line", async () => {
  const json = async (...args: string[]) => {
    const io = captureIo();
    expect(await main([...args, "--json"], io)).toBe(0);
    return JSON.parse(io.out());
  };
  const weights = at("cli.safetensors");
  const exported = await json("export", at("dlrm"), "--format", "safetensors", "--out", weights);
  expect(exported).toMatchObject({ model: "dlrm", step: 12, files: [{ path: weights }, { path: `${weights}.json` }] });
  const sizes = ["--model", "dlrm", "--width", "4", "--bottom-mlp", "8,4", "--top-mlp", "8,1"];
  await json("import", weights, ...sizes, "--data", at("data"), "--out", at("cli-model"));
  const scored = await json("predict", at("cli-model"), at("data"), "--out", at("cli.tsv"));
  expect(scored).toMatchObject({ step: 0, inputs: 160 });
  expect(readFileSync(at("cli.tsv"), "utf8").trimEnd().split("\n")).toHaveLength(160);
});

const execute = promisify(execFile);
const python = process.env.FAE_PYTHON ?? "/usr/bin/python3";
const { FAE_REFERENCE_DLRM: dlrmCheckout, FAE_REFERENCE_TBSM: tbsmCheckout } = process.env;
const hasReference = dlrmCheckout !== undefined && tbsmCheckout !== undefined;
if (!hasReference)
  console.log(
    "skipped: weights in PyTorch; FAE_REFERENCE_DLRM and FAE_REFERENCE_TBSM name no checkouts of the reference",
  );

describe.skipIf(!hasReference)("the reference implementation in PyTorch", () => {
  test.each(runs)("takes the weights of %s and predicts the same", async (run, name) => {
    const [weights, scores] = [at(`${run}-torch.safetensors`), at(`${run}-torch.tsv`)];
    await exportModel({ model: at(run), format: "safetensors", out: weights });
    let text = "";
    await predictScores({
      model: at(run),
      from: "test",
      write(part) {
        text += part;
      },
    });
    writeFileSync(scores, text);
    const script = join(import.meta.dirname, "../../../bench/reference/check_weights.py");
    const checkouts = ["--dlrm", `${dlrmCheckout}`, "--tbsm", `${tbsmCheckout}`];
    const rows = at(name, "test.rows");
    const { stdout } = await execute(python, [
      script,
      "--weights",
      weights,
      "--rows",
      rows,
      "--scores",
      scores,
      ...checkouts,
    ]);
    const answer = JSON.parse(stdout.trim().split("\n").pop() ?? "");
    expect(answer.model).toBe(run === "dlrm" ? "DLRM_Net" : "TBSM_Net");
    expect(answer.difference).toBeLessThan(1e-6);
  });
});
