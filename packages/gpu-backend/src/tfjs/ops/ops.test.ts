import { elements, type Node, type OpName } from "@fae/core";
import { normalizedSquaredError, opCases, opData, opReference } from "@fae/core/conformance";
import { describe, expect, test } from "vitest";
import { loadBackend } from "../backend.js";
import { kernels } from "./index.js";
import type { TfKernel } from "./kernel.js";

// float32 against float64: 2^-24 per operation, squared, over sums of up to 64 terms.
const tolerance = 1e-11;

describe.each(["cpu", "wasm"])("tfjs:%s", (name) => {
  test.each(opCases.map((opCase) => [opCase.name, opCase] as const))("%s", async (_, opCase) => {
    const { tf } = await loadBackend(name);
    await tf.setBackend(name);
    const data = opData(opCase);
    const expected = opReference(opCase, data);
    const tensor = (values: Float64Array, shape: readonly number[]) => tf.tensor(Float32Array.from(values), [...shape]);
    const inputs = data.inputs.map((v, i) => tensor(v, [opCase.batch, ...opCase.inputShapes[i]]));
    const params = data.params.map((v, i) => tensor(v, opCase.paramShapes[i]));
    const kernel = kernels[opCase.node.op] as unknown as TfKernel<OpName>;
    const call = { tf, node: opCase.node as Node as never, inputs, params };
    const output = kernel.forward(call);
    expect(output.size).toBe(opCase.batch * elements(data.outputShape));
    expect(normalizedSquaredError(await output.data(), expected.output)).toBeLessThan(tolerance);
    const outputGradient = tensor(data.outputGradient, [opCase.batch, ...data.outputShape]);
    const gradients = kernel.backward({ ...call, output, outputGradient });
    for (const [i, gradient] of gradients.inputs.entries())
      expect(normalizedSquaredError(await gradient.data(), expected.inputGradients[i])).toBeLessThan(tolerance);
    for (const [i, gradient] of gradients.params.entries())
      expect(normalizedSquaredError(await gradient.data(), expected.paramGradients[i])).toBeLessThan(tolerance);
  });
});
