import type { CompiledProgram } from "../compile.js";
import { initialParameter } from "../initial.js";
import { lossGradient, meanLoss } from "../loss.js";
import type { Network, NetworkInput } from "../network.js";
import { opOf } from "../ops/index.js";
import { optimizers } from "../optimizers/index.js";
import type { OptimizerSpec } from "../optimizers/types.js";
import { elements } from "../program.js";

export interface NetworkOptions {
  readonly optimizer: OptimizerSpec;
  /** Largest number of inputs per call. */
  readonly batch: number;
  readonly seed: number;
}

type Tensors = Map<string, Float64Array>;

/** Runs a compiled program op by op in float64 with the ops' own definitions. */
export function referenceNetwork(compiled: CompiledProgram, { optimizer, batch, seed }: NetworkOptions): Network {
  const { program, shapes, backward } = compiled;
  const definition = optimizers[optimizer.name];
  const params: Tensors = new Map(
    program.params.map((param) => [param.name, Float64Array.from(initialParameter(param, seed))]),
  );
  const paramShapes = new Map(program.params.map((param) => [param.name, param.shape]));
  const gradients: Tensors = new Map([...params].map(([name, values]) => [name, new Float64Array(values.length)]));
  const state: Tensors = new Map(
    [...params].flatMap(([name, values]) =>
      definition.denseSlots.map((slot) => [`${name}#${slot.name}`, new Float64Array(slot.perRow || values.length)]),
    ),
  );
  const values: Tensors = new Map();
  const valueGradients: Tensors = new Map();
  for (const { output } of program.nodes) {
    values.set(output, new Float64Array(batch * elements(shapes[output])));
    valueGradients.set(output, new Float64Array(batch * elements(shapes[output])));
  }

  const callOf = (index: number, inputs: number) => {
    const node = program.nodes[index];
    return {
      node,
      batch: inputs,
      inputs: node.inputs.map((input) => tensor(values, input)),
      inputShapes: node.inputs.map((input) => shapes[input]),
      params: node.params.map((param) => tensor(params, param)),
      paramShapes: node.params.map((param) => paramShapes.get(param) ?? []),
      output: tensor(values, node.output),
      outputShape: shapes[node.output],
    };
  };
  const runForward = ({ inputs, dense, rows }: NetworkInput) => {
    values.set("dense", Float64Array.from(dense));
    values.set("rows", Float64Array.from(rows));
    program.nodes.forEach((node, index) => {
      opOf(node.op).forward(callOf(index, inputs));
    });
    return tensor(values, program.logit);
  };
  const stored = (name: string) => tensor(name.includes("#") ? state : params, name);

  return {
    async step(input, labels, rowGradients) {
      const start = performance.now();
      const logits = runForward(input);
      const loss = meanLoss(logits, labels, input.inputs);
      const middle = performance.now();
      const ofRows = new Float64Array(rowGradients.length);
      valueGradients.set("rows", ofRows);
      lossGradient(tensor(valueGradients, program.logit), logits, labels, input.inputs);
      for (const { node: index, inputModes, paramModes } of backward) {
        const node = program.nodes[index];
        opOf(node.op).backward({
          ...callOf(index, input.inputs),
          outputGradient: tensor(valueGradients, node.output),
          inputGradients: node.inputs.map((name, i) =>
            inputModes[i] === "none" ? null : tensor(valueGradients, name),
          ),
          inputModes,
          paramGradients: node.params.map((name) => tensor(gradients, name)),
          paramModes,
        });
      }
      rowGradients.set(ofRows);
      const end = performance.now();
      return { loss, forwardSeconds: (middle - start) / 1000, backwardSeconds: (end - middle) / 1000 };
    },
    async forward(input) {
      return runForward(input).slice(0, input.inputs);
    },
    async update(learningRate, step) {
      for (const [name, weights] of params)
        definition.updateDense({
          weights,
          gradient: tensor(gradients, name),
          state: definition.denseSlots.map((slot) => tensor(state, `${name}#${slot.name}`)),
          learningRate,
          step,
          spec: optimizer,
        });
    },
    async gradient(param) {
      return tensor(gradients, param);
    },
    async read(name) {
      return stored(name).slice();
    },
    async write(name, data) {
      stored(name).set(data);
    },
    bytes: () =>
      [params, gradients, state, values, valueGradients]
        .flatMap((tensors) => [...tensors.values()])
        .reduce((sum, array) => sum + array.byteLength, 0),
    async close() {
      for (const tensors of [params, gradients, state, values, valueGradients]) tensors.clear();
    },
  };
}

function tensor(tensors: Tensors, name: string): Float64Array {
  const values = tensors.get(name);
  if (!values) throw new RangeError(`There is no tensor '${name}'.`);
  return values;
}
