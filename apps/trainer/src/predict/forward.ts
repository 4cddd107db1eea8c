import { type CompiledProgram, elements, type NetworkInput, type Numbers, type OpCall, opOf } from "@fae/core";

/**
 * The dense part of a model, for scoring only: float32 parameters, float64 arithmetic in the order of the ops' definitions.
 * @param batch most inputs per call
 * @returns logits of a call's inputs; the array is used again by the next call.
 */
export function denseForward(
  { program, shapes }: CompiledProgram,
  params: ReadonlyMap<string, Float32Array>,
  batch: number,
): (input: NetworkInput) => Numbers {
  const shapeOf = new Map(program.params.map(({ name, shape }) => [name, shape]));
  const found = <V>(map: ReadonlyMap<string, V>, name: string): V => {
    const value = map.get(name);
    if (value === undefined) throw new RangeError(`The model has no '${name}'.`);
    return value;
  };
  const values = new Map<string, Numbers>(
    program.nodes.map(({ output }) => [output, new Float64Array(batch * elements(shapes[output]))]),
  );
  return ({ inputs, dense, rows }) => {
    values.set("dense", new Float64Array(dense)).set("rows", new Float64Array(rows));
    for (const node of program.nodes) {
      const call = {
        node,
        batch: inputs,
        inputs: node.inputs.map((input) => found(values, input)),
        inputShapes: node.inputs.map((input) => shapes[input]),
        params: node.params.map((param) => found(params, param)),
        paramShapes: node.params.map((param) => found(shapeOf, param)),
        output: found(values, node.output),
        outputShape: shapes[node.output],
      };
      if (node.op === "linear" && !node.attributes.transposed) linear({ ...call, node });
      else opOf(node.op).forward(call);
    }
    return found(values, program.logit);
  };
}

const activations = {
  none: (z: number) => z,
  relu: (z: number) => Math.max(0, z),
  sigmoid: (z: number) => 1 / (1 + Math.exp(-z)),
};

/**
 * `y = activation(x W^T + b)` with the sums of the op's definition, four vectors at a time: one sum alone waits for each of its
 * additions. Nearly all work of a model is here.
 */
function linear({ node, batch, inputs: [x], params: [weight, bias], output, outputShape }: OpCall<"linear">): void {
  const m = outputShape[outputShape.length - 1];
  const k = weight.length / m;
  const vectors = (batch * elements(outputShape)) / m;
  const activation = activations[node.attributes.activation];
  for (let n = 0; n < vectors; n += 4) {
    // The last vectors may be fewer than four: the others are then computed again.
    const [n1, n2, n3] = [Math.min(n + 1, vectors - 1), Math.min(n + 2, vectors - 1), Math.min(n + 3, vectors - 1)];
    const [at0, at1, at2, at3] = [n * k, n1 * k, n2 * k, n3 * k];
    for (let j = 0; j < m; j++) {
      let sum0 = bias ? bias[j] : 0;
      let sum1 = sum0;
      let sum2 = sum0;
      let sum3 = sum0;
      for (let i = 0, w = j * k; i < k; i++, w++) {
        const factor = weight[w];
        sum0 += x[at0 + i] * factor;
        sum1 += x[at1 + i] * factor;
        sum2 += x[at2 + i] * factor;
        sum3 += x[at3 + i] * factor;
      }
      output[n * m + j] = activation(sum0);
      output[n1 * m + j] = activation(sum1);
      output[n2 * m + j] = activation(sum2);
      output[n3 * m + j] = activation(sum3);
    }
  }
}
