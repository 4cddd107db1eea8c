import { describe, expect, it } from "vitest";
import { compile, ShapeError } from "./index.js";
import type { Node } from "./ops/index.js";
import type { Program } from "./program.js";

const linear = (output: string, input: string, params: string[], transposed = false): Node => ({
  op: "linear",
  output,
  inputs: [input],
  params,
  attributes: { activation: "none", transposed },
});

const base: Program = {
  name: "small",
  denseFeatures: 3,
  steps: 0,
  width: 4,
  tables: [{ name: "t", rows: 5, init: { kind: "zeros" } }],
  params: [
    { name: "bot", shape: [4, 3], init: { kind: "zeros" } },
    { name: "square", shape: [4, 4], init: { kind: "zeros" } },
    { name: "top", shape: [1, 5], init: { kind: "zeros" } },
  ],
  nodes: [
    linear("x", "dense", ["bot"]),
    linear("u", "x", ["square"]),
    linear("v", "u", ["square"], true),
    { op: "interact", output: "z", inputs: ["v", "rows"], params: [], attributes: { self: false } },
    linear("logit", "z", ["top"]),
  ],
  logit: "logit",
};

describe("compile", () => {
  it("finds the shape of every value", () => {
    expect(compile(base).shapes).toEqual({ dense: [3], rows: [1, 4], x: [4], u: [4], v: [4], z: [5], logit: [1] });
  });

  it("runs gradients backwards: the first use writes, later uses add, dense gets none", () => {
    expect(compile(base).backward).toEqual([
      { node: 4, inputModes: ["write"], paramModes: ["write"] },
      { node: 3, inputModes: ["write", "write"], paramModes: [] },
      { node: 2, inputModes: ["write"], paramModes: ["write"] },
      { node: 1, inputModes: ["write"], paramModes: ["add"] },
      { node: 0, inputModes: ["none"], paramModes: ["write"] },
    ]);
  });

  it("skips nodes whose operands need no gradient", () => {
    const nodes: Node[] = [
      { op: "concat", output: "d", inputs: ["dense", "dense"], params: [], attributes: { keep: 0 } },
      { op: "concat", output: "c", inputs: ["d", "rows", "rows"], params: [], attributes: { keep: 0 } },
      linear("logit", "c", ["top"]),
    ];
    const params = [{ name: "top", shape: [1, 14], init: { kind: "zeros" } as const }];
    expect(compile({ ...base, nodes, params }).backward).toEqual([
      { node: 2, inputModes: ["write"], paramModes: ["write"] },
      { node: 1, inputModes: ["none", "write", "add"], paramModes: [] },
    ]);
  });

  const broken: [string, Partial<Program>, RegExp][] = [
    [
      "an unknown input",
      { nodes: [linear("x", "later", ["bot"])] },
      /input 'later' of node 'x'.*Known there: dense, rows/,
    ],
    ["an unknown parameter", { nodes: [linear("x", "dense", ["nope"])] }, /parameter 'nope' of node 'x'/],
    ["an output used twice", { nodes: [linear("rows", "dense", ["bot"])] }, /output 'rows' must be a new name/],
    ["two tensors of one name", { tables: [base.tables[0], base.tables[0]] }, /tensor name 't' must be unique/],
    ["a name with #", { tables: [{ ...base.tables[0], name: "a#b" }] }, /without '#'/],
    ["an idle node", { nodes: [...base.nodes, linear("idle", "dense", ["bot"])] }, /'idle' must be used/],
    [
      "a logit of a wrong shape",
      { nodes: base.nodes.slice(0, 4), params: base.params.slice(0, 2), logit: "z" },
      /logit 'z' must be \[B, 1\], found \[B, 5\]/,
    ],
    ["a missing logit", { logit: "nothing" }, /logit 'nothing' must be the output of a node/],
    ["a table without rows", { tables: [{ ...base.tables[0], rows: 0 }] }, /rows of table 't'.*at least 1, found 0/],
    ["a weight that does not fit", { width: 6 }, /Node 'z' \(interact\)/],
  ];
  it.each(broken)("refuses %s", (_, change, message) => {
    expect(() => compile({ ...base, ...change })).toThrow(ShapeError);
    expect(() => compile({ ...base, ...change })).toThrow(message);
  });
});
