import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stepValues } from "@fae/core";
import { saveCheckpoint } from "@fae/embedding-store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportFormats, exportModel } from "../export/export-model.js";
import { importWeights } from "../export/import-weights.js";
import { writeSmallData } from "../test-data.js";
import { loadEngine } from "../train/engines.js";
import { evaluateModel } from "../train/evaluate-model.js";
import { trainModel } from "../train/train-model.js";
import { openModel } from "./open-model.js";
import { predictScores } from "./predict-scores.js";
import { openSaved } from "./saved-model.js";
import { readParameter, readTable } from "./weights.js";

let root = "";
const at = (...parts: string[]): string => join(root, ...parts);
const modelOptions = { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] };
const common = { model: "dlrm", modelOptions, engine: "reference", batch: 100 } as const;
const strideWords = 6; // label, 2 dense values, 3 ids

const hasCpu = await loadEngine("cpu").then(
  () => true,
  () => false,
);
if (!hasCpu) console.log("not tested: the cpu engine, which does not run here");
const engines = ["reference", "tfjs:cpu", ...(hasCpu ? ["cpu"] : [])];

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fae-not-finite-"));
  writeSmallData(at("data"));
  await trainModel({ ...common, data: at("data"), run: at("run") });
});
afterAll(() => rmSync(root, { recursive: true }));

describe.each([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
])("%s", (name, value) => {
  test("in a dense value is refused, naming the row", async () => {
    writeSmallData(at(name));
    const path = at(name, "test.rows");
    const bytes = readFileSync(path);
    bytes.writeFloatLE(value, 4 * (17 * strideWords + 2));
    writeFileSync(path, bytes);
    const message = new RegExp(`test\\.rows.*row 17: dense feature 1 is ${name}, expected a finite number`);
    for (const engine of engines) {
      const evaluated = evaluateModel({
        model: at("run"),
        data: at(name),
        split: "test",
        engine,
        batch: 100,
        threads: 1,
      });
      await expect(evaluated, engine).rejects.toThrow(message);
    }
    await expect(predictScores({ model: at("run"), from: "test", data: at(name), write: () => {} })).rejects.toThrow(
      message,
    );
    await using model = await openModel(at("run"));
    const dense = Float32Array.of(0, 0, 0, value);
    await expect(model.predict({ dense, ids: new Int32Array(6) })).rejects.toThrow(
      `Dense value 1 of input 1 is ${name}, expected a finite number.`,
    );
  });

  test.each([
    ["emb_l.0.weight", 4 * 13 + 1, "row 13", "ids 13"],
    ["top_l.0.bias", 3, "value 3", "value 3"],
  ])("in %s is refused by every door, naming the tensor", async (tensor, position, where, served) => {
    const out = at(`${name}-${tensor}`);
    await writeBroken(out, tensor, position, value);
    const found = new RegExp(`'${tensor}' .*${value} in ${where}`);
    for (const engine of engines)
      await expect(
        evaluateModel({ model: out, data: at("data"), split: "test", engine, batch: 100, threads: 1 }),
      ).rejects.toThrow(found);
    await expect(trainModel({ ...common, data: at("data"), init: out })).rejects.toThrow(found);
    for (const format of exportFormats)
      await expect(exportModel({ model: out, format, out: `${out}.${format}` })).rejects.toThrow(found);
    const read = { dense: new Float32Array(2), ids: Int32Array.of(13, 0, 0) };
    const serving = (async () => {
      await using model = await openModel(out);
      await model.predict(read);
    })();
    await expect(serving).rejects.toThrow(new RegExp(`'${tensor}' .*${served}`));
    await expect(predictScores({ model: out, from: "test", data: at("data"), write: () => {} })).rejects.toThrow(
      new RegExp(`'${tensor}'`),
    );
  });

  test("in a file of weights is refused by import and --init", async () => {
    const weights = at(`${name}.safetensors`);
    await exportModel({ model: at("run"), format: "safetensors", out: weights });
    const bytes = readFileSync(weights);
    bytes.writeFloatLE(value, bytes.length - 4);
    writeFileSync(weights, bytes);
    const message = new RegExp(`Tensor '.*' of '.*safetensors' has ${value} in `);
    const imported = importWeights({ weights, model: "dlrm", modelOptions, data: at("data"), out: at("no") });
    await expect(imported).rejects.toThrow(message);
    await expect(trainModel({ ...common, data: at("data"), init: weights })).rejects.toThrow(message);
  });
});

test("a closed model says so", async () => {
  const model = await openModel(at("run"));
  await model.close();
  await expect(model.predict({ dense: new Float32Array(2), ids: new Int32Array(3) })).rejects.toMatchObject({
    code: "ERR_DISPOSED",
    message: expect.stringMatching(/^Model '.*' is closed\./),
  });
});

/** Writes the run's model with one value changed, as a checkpoint whose digests are right. */
async function writeBroken(out: string, tensor: string, position: number, value: number): Promise<void> {
  const { checkpoint, program } = await openSaved(at("run"));
  const { optimizer, state, data, ids } = checkpoint.manifest;
  const tensors = new Map<string, Float32Array>();
  for (const { name } of program.params) tensors.set(name, await readParameter(checkpoint, name));
  for (const { name } of program.tables) for await (const rows of readTable(checkpoint, name)) tensors.set(name, rows); // small: one part
  const broken = tensors.get(tensor);
  if (broken) broken[position] = value;
  const session = {
    async read(name: string, rows?: Uint32Array) {
      if (name === "#step") return stepValues(1);
      const values = tensors.get(name) ?? new Float32Array(0);
      return rows ? values.slice(rows[0] * program.width, (rows[rows.length - 1] + 1) * program.width) : values;
    },
  };
  await saveCheckpoint(out, { session, program, optimizer, state, data: data ?? "", ...(ids && { ids }) });
}
