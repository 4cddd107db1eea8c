import {
  type CompiledProgram,
  denseShape,
  initialParameter,
  meanLoss,
  type Network,
  type NetworkInput,
  type Node,
  type Numbers,
  type OpName,
  type OptimizerSpec,
  optimizers,
  rowsShape,
} from "@fae/core";
import type { Tensor, Tf } from "./backend.js";
import { kernels } from "./ops/index.js";
import type { TfKernel } from "./ops/kernel.js";
import { updates } from "./updates.js";

type Tensors = Map<string, Tensor>;

/** The kernel of a node whose op is only known at run time. */
const kernelOf = (node: Node): TfKernel<OpName> => kernels[node.op] as unknown as TfKernel<OpName>;

/**
 * The dense part of a model on tensors. Parameters, their optimizer state and gradients stay on the backend; gathered rows go
 * in and their gradients come out, so no table ever meets tfjs.
 */
export function tfNetwork(
  tf: Tf,
  { program, shapes, backward }: CompiledProgram,
  { optimizer, seed }: { readonly optimizer: OptimizerSpec; readonly seed: number },
): Network {
  const slots = optimizers[optimizer.name].denseSlots;
  const shapeOf = new Map(program.params.map(({ name, shape }) => [name, [...shape]]));
  const stored: Tensors = new Map();
  let gradients: Tensors = new Map();
  for (const param of program.params) {
    stored.set(param.name, tf.tensor(initialParameter(param, seed), [...param.shape]));
    for (const slot of slots) stored.set(`${param.name}#${slot.name}`, tf.zeros([...param.shape]));
  }
  const tensorOf = (tensors: Tensors, name: string): Tensor => {
    const tensor = tensors.get(name);
    if (!tensor) throw new RangeError(`There is no tensor '${name}'.`);
    return tensor;
  };
  const replace = (name: string, tensor: Tensor): void => {
    stored.get(name)?.dispose();
    stored.set(name, tensor);
  };
  const drop = (tensors: Tensors): void => {
    for (const tensor of tensors.values()) tensor.dispose();
    tensors.clear();
  };

  const paramsOf = (node: Node): Tensor[] => node.params.map((name) => tensorOf(stored, name));

  /** Every value of the program, `dense` and `rows` included. Call inside `tidy`. */
  const runForward = ({ inputs, dense, rows }: NetworkInput): Tensors => {
    const values: Tensors = new Map();
    values.set("dense", tf.tensor(dense, [inputs, ...denseShape(program)]));
    values.set("rows", tf.tensor(Float32Array.from(rows), [inputs, ...rowsShape(program)]));
    for (const node of program.nodes) {
      const operands = node.inputs.map((name) => tensorOf(values, name));
      const output = kernelOf(node).forward({ tf, node: node as never, inputs: operands, params: paramsOf(node) });
      values.set(node.output, tf.reshape(output, [inputs, ...shapes[node.output]]));
    }
    return values;
  };

  /** Gradients of all params, and of `rows` under that name. Call inside `tidy`. */
  const runBackward = (values: Tensors, labels: Uint8Array): Tensors => {
    const ofValues: Tensors = new Map();
    const ofParams: Tensors = new Map();
    const collect = (into: Tensors, name: string, mode: "write" | "add" | "none", gradient: Tensor) => {
      if (mode !== "none") into.set(name, mode === "add" ? tf.add(tensorOf(into, name), gradient) : gradient);
    };
    const logits = tensorOf(values, program.logit);
    const target = tf.tensor(Float32Array.from(labels), logits.shape);
    ofValues.set(program.logit, tf.div(tf.sub(tf.sigmoid(logits), target), labels.length));
    for (const { node: index, inputModes, paramModes } of backward) {
      const node = program.nodes[index];
      const made = kernelOf(node).backward({
        tf,
        node: node as never,
        inputs: node.inputs.map((name) => tensorOf(values, name)),
        params: paramsOf(node),
        output: tensorOf(values, node.output),
        outputGradient: tensorOf(ofValues, node.output),
      });
      node.inputs.forEach((name, i) => {
        collect(ofValues, name, inputModes[i], made.inputs[i]);
      });
      node.params.forEach((name, i) => {
        collect(ofParams, name, paramModes[i], made.params[i]);
      });
    }
    return ofParams.set("rows", tensorOf(ofValues, "rows"));
  };

  return {
    async step(input, labels, rowGradients) {
      const start = performance.now();
      const values = new Map(Object.entries(tf.tidy(() => Object.fromEntries(runForward(input)))));
      const logits = await tensorOf(values, program.logit).data<"float32">();
      const middle = performance.now();
      drop(gradients);
      gradients = new Map(Object.entries(tf.tidy(() => Object.fromEntries(runBackward(values, labels)))));
      rowGradients.set(await tensorOf(gradients, "rows").data<"float32">());
      drop(values);
      const end = performance.now();
      return {
        loss: meanLoss(logits, labels, input.inputs),
        forwardSeconds: (middle - start) / 1000,
        backwardSeconds: (end - middle) / 1000,
      };
    },
    async forward(input) {
      const logits = tf.tidy(() => tensorOf(runForward(input), program.logit));
      const values = await logits.data<"float32">();
      logits.dispose();
      return values;
    },
    async update(learningRate, step) {
      for (const { name } of program.params) {
        const { weights, state } = tf.tidy(() => {
          const { weights, state } = updates[optimizer.name](tf, {
            weights: tensorOf(stored, name),
            gradient: tensorOf(gradients, name),
            state: slots.map((slot) => tensorOf(stored, `${name}#${slot.name}`)),
            learningRate,
            step,
            spec: optimizer,
          });
          return { weights, state: [...state] };
        });
        replace(name, weights);
        slots.forEach((slot, i) => {
          replace(`${name}#${slot.name}`, state[i]);
        });
      }
    },
    gradient: async (param) => (await tensorOf(gradients, param).data<"float32">()).slice(),
    read: async (name) => (await tensorOf(stored, name).data<"float32">()).slice(),
    async write(name: string, values: Numbers) {
      replace(name, tf.tensor(Float32Array.from(values), shapeOf.get(name.split("#")[0]) ?? []));
    },
    bytes: () => [...stored.values(), ...gradients.values()].reduce((sum, tensor) => sum + 4 * tensor.size, 0),
    async close() {
      drop(stored);
      drop(gradients);
    },
  };
}
