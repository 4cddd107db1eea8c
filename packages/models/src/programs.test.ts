import { compile, type Program } from "@fae/core";
import { describe, expect, it } from "vitest";
import { dcnv2 } from "./dcnv2.js";
import { deepfm } from "./deepfm.js";
import { dlrm } from "./dlrm.js";
import { rmc1, rmc2, rmc3, rmc4, synM1, synM2, synM3, synM4 } from "./presets.js";
import { type TbsmConfig, tbsm } from "./tbsm.js";

const tower = { tableRows: [50, 200, 20], width: 16, denseFeatures: 1, bottomMlp: [8, 16] };
const sequence: TbsmConfig = { ...tower, towerTopMlp: [15, 7], history: 20, attentionMlp: [6], headMlp: [60, 1] };

const { bottomMlp: _, ...fields } = tower;
const programs: Program[] = [
  ...[rmc1, rmc2, rmc3, rmc4, synM1, synM2, synM3, synM4].map((preset) => preset()),
  ...(["dot", "dot-itself", "cat"] as const).flatMap((interaction) => [
    dlrm({ ...tower, name: `dlrm ${interaction}`, interaction, topMlp: [9, 1] }),
    tbsm({ ...sequence, name: `tbsm ${interaction}`, interaction }),
  ]),
  ...(["stacked", "parallel"] as const).map((structure) =>
    dcnv2({ ...tower, name: `dcnv2 ${structure}`, structure, crossRank: 4, topMlp: [9, 1] }),
  ),
  deepfm({ ...fields, topMlp: [9, 1] }),
  ...(["def", "ind", "dot"] as const).flatMap((inner) =>
    (["mlp", "mul"] as const).flatMap((mechanism) =>
      (["full", "shortened"] as const).map((headHistory) =>
        tbsm({
          ...sequence,
          name: `tbsm ${inner} ${mechanism} ${headHistory}`,
          inner,
          mechanism,
          headHistory,
          heads: 3,
        }),
      ),
    ),
  ),
];

describe("every program", () => {
  it.each(programs.map((program) => [program.name, program] as const))("%s compiles", (_, program) => {
    const { shapes, backward } = compile(program);
    expect(shapes[program.logit]).toEqual([1]);
    expect(backward).toHaveLength(program.nodes.length);
  });

  it("is plain data: equal after JSON", () => {
    for (const program of programs) expect(JSON.parse(JSON.stringify(program))).toEqual(program);
  });

  it("writes the gradient of a matrix used twice once and adds to it once", () => {
    const program = rmc1();
    const modes = compile(program).backward.flatMap((step) =>
      program.nodes[step.node].params.includes("ams.0.A") ? step.paramModes : [],
    );
    expect(modes).toEqual(["write", "add"]);
  });
});
