import { type CompiledProgram, elements, type NetworkInput, type Numbers, opOf } from "@fae/core";

/**
 * The dense part of a model, for scoring only: float32 parameters, float64 arithmetic by the ops' own definitions.
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
    values.set("dense", dense).set("rows", rows);
    for (const node of program.nodes)
      opOf(node.op).forward({
        node,
        batch: inputs,
        inputs: node.inputs.map((input) => found(values, input)),
        inputShapes: node.inputs.map((input) => shapes[input]),
        params: node.params.map((param) => found(params, param)),
        paramShapes: node.params.map((param) => found(shapeOf, param)),
        output: found(values, node.output),
        outputShape: shapes[node.output],
      });
    return found(values, program.logit);
  };
}
