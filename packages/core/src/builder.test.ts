import { describe, expect, it } from "vitest";
import { ProgramBuilder } from "./builder.js";
import { ShapeError } from "./errors.js";
import { ops } from "./ops/index.js";

const started = (options: { steps?: number } = {}): ProgramBuilder => {
  const b = new ProgramBuilder({ name: "test", denseFeatures: 3, width: 4, ...options });
  b.tables([7, 5]);
  return b;
};

describe("ProgramBuilder", () => {
  it("writes a program down: names, shapes, starts", () => {
    const b = started();
    const x = b.linear(b.dense, 4, "relu");
    expect(b.shape(x)).toEqual([4]);
    const program = b.build(b.mlp(b.interact(x, b.rows), [8, 1], { name: "top", last: "none" }));
    expect(program.tables.map(({ name, init }) => [name, init])).toEqual([
      ["emb_l.0.weight", { kind: "uniform", bound: Math.sqrt(1 / 7) }],
      ["emb_l.1.weight", { kind: "uniform", bound: Math.sqrt(1 / 5) }],
    ]);
    expect(program.params).toEqual([
      { name: "linear0.weight", shape: [4, 3], init: { kind: "normal", deviation: Math.sqrt(2 / 7) } },
      { name: "linear0.bias", shape: [4], init: { kind: "normal", deviation: Math.sqrt(1 / 4) } },
      { name: "top.0.weight", shape: [8, 7], init: { kind: "normal", deviation: Math.sqrt(2 / 15) } },
      { name: "top.0.bias", shape: [8], init: { kind: "normal", deviation: Math.sqrt(1 / 8) } },
      { name: "top.2.weight", shape: [1, 8], init: { kind: "normal", deviation: Math.sqrt(2 / 9) } },
      { name: "top.2.bias", shape: [1], init: { kind: "normal", deviation: 1 } },
    ]);
    expect(program.nodes.map(({ output }) => output)).toEqual(["linear0", "interact0", "top.0", "top.2"]);
    expect(program.logit).toBe("top.2");
  });

  it("has a method for every op", () => {
    const b = started({ steps: 3 });
    const x = b.normalize(b.concat([b.dense, b.rows], { keep: 1 }));
    const history = b.slice(x, [0, 2]);
    const query = b.slice(x, [2, 3], { squeeze: true });
    const context = b.weightedSum(b.batchDot(history, query), history);
    const gated = b.multiply(context, b.activation(b.linear(query, 11), "sigmoid"));
    const step = b.linear(b.dense, 4);
    const dots = b.reduceSum(b.interact(step, b.rows), { squeeze: true });
    const program = b.build(b.linear(b.concat([b.add([gated, query]), dots]), 1));
    expect(new Set(program.nodes.map(({ op }) => op))).toEqual(new Set(Object.keys(ops)));
  });

  it("gives nodes a free name, and shares a parameter that is given twice", () => {
    const b = started();
    const flat = b.concat([b.rows]);
    const params = [b.param("a", [8, 8])];
    const inner = b.op("linear", [flat], { activation: "none", transposed: false }, { params });
    const outer = b.op("linear", [inner], { activation: "none", transposed: true }, { params });
    expect([flat, inner, outer]).toEqual(["concat0", "linear0", "linear1"]);
    expect(b.build(b.linear(outer, 1, "none", { bias: false })).params.map(({ name }) => name)).toEqual([
      "a",
      "linear2.weight",
    ]);
  });

  it("refuses a wrong operand where it is written, and an unfinished program", () => {
    const b = started();
    expect(() => b.multiply(b.dense, b.linear(b.dense, 4))).toThrow(ShapeError);
    expect(() => b.multiply(b.dense, "nothing")).toThrow(/'test' has no value 'nothing' yet/);
    expect(() => b.build(b.linear(b.dense, 2))).toThrow(ShapeError);
  });
});
