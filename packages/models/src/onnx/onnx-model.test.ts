import { denseShape, elements, optimizerSpec, type Program, Random, type RowLayout, referenceEngine } from "@fae/core";
import { InferenceSession, Tensor } from "onnxruntime-web";
import { describe, expect, test } from "vitest";
import { dcnv2 } from "../dcnv2.js";
import { deepfm } from "../deepfm.js";
import { dlrm } from "../dlrm.js";
import { tbsm } from "../tbsm.js";
import { onnxModel } from "./onnx-model.js";

const inputs = 9;
const tower = { width: 4, denseFeatures: 3, tableRows: [7, 30, 5], bottomMlp: [8, 4] };
const { bottomMlp: _, ...fields } = tower;
const sequence = {
  width: 16,
  denseFeatures: 1,
  tableRows: [10, 20, 5],
  bottomMlp: [16],
  history: 20,
  towerTopMlp: [15, 15],
  attentionMlp: [15, 15],
  headMlp: [60, 1],
};
const cases: Record<string, { program: Program; hotness: number[] }> = {
  "dlrm dot": { program: dlrm({ ...tower, topMlp: [8, 1] }), hotness: [1, 1, 1] },
  "dlrm dot with itself": {
    program: dlrm({ ...tower, topMlp: [8, 1], interaction: "dot-itself" }),
    hotness: [1, 1, 1],
  },
  "dlrm cat, bags": { program: dlrm({ ...tower, topMlp: [8, 1], interaction: "cat" }), hotness: [1, 3, 2] },
  dcnv2: { program: dcnv2({ ...tower, crossRank: 3, topMlp: [8, 1] }), hotness: [1, 2, 1] },
  "dcnv2 parallel": {
    program: dcnv2({ ...tower, crossRank: 3, topMlp: [8, 1], structure: "parallel" }),
    hotness: [1, 1, 1],
  },
  deepfm: { program: deepfm({ ...fields, topMlp: [8, 4, 1] }), hotness: [1, 2, 1] },
  tbsm: { program: tbsm(sequence), hotness: [1, 1, 1] },
  "tbsm heads": { program: tbsm({ ...sequence, heads: 3, headHistory: "shortened" }), hotness: [1, 1, 1] },
  "tbsm ind mul": { program: tbsm({ ...sequence, inner: "ind", mechanism: "mul" }), hotness: [1, 1, 1] },
};

function randomInputs(program: Program, layout: RowLayout) {
  const random = new Random(3);
  const steps = Math.max(1, program.steps);
  const words: number[] = [];
  const dense: number[] = [];
  const ids: number[] = [];
  for (let i = 0; i < inputs; i++) {
    words.push(i % 2);
    for (let s = 0; s < steps; s++) {
      for (let f = 0; f < layout.denseFeatures; f++) {
        dense.push(Math.fround(random.next()));
        words.push(new Uint32Array(new Float32Array([dense[dense.length - 1]]).buffer)[0]);
      }
      program.tables.forEach(({ rows }, t) => {
        for (let l = 0; l < layout.hotness[t]; l++) {
          const id = random.below(3) === 0 ? -1 : random.below(rows);
          ids.push(id);
          words.push(id >>> 0);
        }
      });
    }
  }
  return { words: Uint32Array.from(words), dense: Float32Array.from(dense), ids };
}

describe("onnxModel", () => {
  test.each(Object.entries(cases))("%s predicts as the reference engine does", async (_, { program, hotness }) => {
    const layout: RowLayout = {
      denseFeatures: program.denseFeatures,
      denseEncoding: "float32",
      steps: program.steps,
      hotness,
    };
    const { words, dense, ids } = randomInputs(program, layout);
    await using session = await referenceEngine().open({
      program,
      plan: {
        strategy: "cpu-only",
        placements: Object.fromEntries(program.tables.map(({ name }) => [name, { on: "host" as const }])),
        routes: ["host"],
        devices: 0,
        lookAhead: 0,
        servers: 1,
        staleness: 0,
      },
      optimizer: optimizerSpec("sgd"),
      sources: [{ name: "x", layout, rows: inputs, storage: { kind: "memory", words }, shuffleSeed: null }],
      batch: 4,
      seed: 1,
      threads: 1,
    });
    const { scores } = await session.evaluate("x");

    const { model, tensors, dataBytes } = onnxModel(program, layout, { dataFile: "weights.data" });
    const data = new Uint8Array(dataBytes);
    for (const { name, offset, bytes } of tensors) {
      const values = await session.read(name);
      expect(values.byteLength).toBe(bytes);
      data.set(new Uint8Array(values.buffer, values.byteOffset, bytes), offset);
    }
    const onnx = await InferenceSession.create(model, { externalData: [{ path: "weights.data", data }] });
    const idsPerInput = ids.length / inputs / Math.max(1, program.steps);
    const lead = program.steps === 0 ? [inputs] : [inputs, program.steps];
    const { probability } = await onnx.run({
      dense: new Tensor("float32", dense, [inputs, ...denseShape(program)]),
      ids: new Tensor("int64", BigInt64Array.from(ids.map(BigInt)), [...lead, idsPerInput]),
    });
    expect(elements(probability.dims)).toBe(inputs);
    for (let i = 0; i < inputs; i++) expect(Math.abs(Number(probability.data[i]) - scores[i])).toBeLessThan(1e-5);
  });
});
