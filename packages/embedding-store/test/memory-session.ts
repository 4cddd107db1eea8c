import { elements, type OptimizerName, optimizers, type Program, Random, type Session, stepValues } from "@fae/core";

/** A session that holds tensors and does nothing else: what `read` and `write` of a real one do. */
export interface MemorySession extends Session {
  readonly tensors: Map<string, Float32Array>;
}

/** All tensors of a program with their optimizer state; filled with numbers from `seed`, or zeros with null. */
export function memorySession(program: Program, optimizer: OptimizerName, seed: number | null): MemorySession {
  const random = new Random(seed ?? 0);
  const tensors = new Map<string, Float32Array>();
  const widths = new Map<string, number>();
  const add = (name: string, shape: readonly number[]): void => {
    tensors.set(
      name,
      new Float32Array(elements(shape)).map(() => (seed === null ? 0 : random.next())),
    );
    widths.set(name, elements(shape.slice(1)));
  };
  const { rowSlots, denseSlots } = optimizers[optimizer];
  for (const { name, rows } of program.tables) {
    add(name, [rows, program.width]);
    for (const slot of rowSlots) add(`${name}#${slot.name}`, [rows, slot.perRow || program.width]);
  }
  for (const { name, shape } of program.params)
    for (const tensor of [name, ...denseSlots.map((slot) => `${name}#${slot.name}`)]) add(tensor, shape);
  tensors.set("#step", stepValues(seed ?? 0));
  const tensor = (name: string): Float32Array => {
    const found = tensors.get(name);
    if (found === undefined) throw new Error(`no tensor ${name}`);
    return found;
  };
  const unused = async (): Promise<never> => {
    throw new Error("not part of this session");
  };
  return {
    tensors,
    run: unused,
    evaluate: unused,
    memory: unused,
    async read(name, rows) {
      const values = tensor(name);
      const width = widths.get(name) ?? 1;
      if (rows === undefined) return values.slice();
      const out = new Float32Array(rows.length * width);
      rows.forEach((row, i) => {
        out.set(values.subarray(row * width, (row + 1) * width), i * width);
      });
      return out;
    },
    async write(name, data, rows) {
      const values = tensor(name);
      const width = widths.get(name) ?? 1;
      if (rows === undefined) values.set(data);
      else
        rows.forEach((row, i) => {
          values.set(data.subarray(i * width, (i + 1) * width), row * width);
        });
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** A program of two tables and two parameters. */
export const smallProgram = (rows: readonly number[] = [13, 300]): Program => ({
  name: "small",
  denseFeatures: 2,
  steps: 0,
  width: 4,
  tables: rows.map((n, k) => ({ name: `emb_l.${k}.weight`, rows: n, init: { kind: "zeros" } })),
  params: [
    { name: "top_l.0.weight", shape: [1, 2], init: { kind: "zeros" } },
    { name: "top_l.0.bias", shape: [1], init: { kind: "zeros" } },
  ],
  nodes: [],
  logit: "top_l.0",
});
