import { ops, optimizers, type RouteName, stages, trafficKinds } from "@fae/core";
import { describe, expect, it } from "vitest";
import { type NativeNames, statusCodes } from "./binding.js";
import { nativeJob } from "./job.js";
import { loadNative } from "./load.js";
import { nativeMissing, tinyJob, tinyPlan } from "./testing.js";

describe.each(["cpu", "cuda"] as const)("names in TypeScript and in the %s engine", (engine) => {
  const missing = nativeMissing(engine);
  const names = () => JSON.parse(loadNative(engine).twins.names()) as NativeNames;
  const sorted = (list: Iterable<string>) => [...list].sort();

  it.skipIf(missing)("every op of core has a kernel, and no kernel is left over", () => {
    expect(sorted(names().ops)).toEqual(sorted(Object.keys(ops)));
  });

  it.skipIf(missing)("optimizers and routes are the same", () => {
    const routes: Record<RouteName, true> = {
      host: true,
      hybrid: true,
      server: true,
      hot: true,
      mixed: true,
      device: true,
    };
    expect(sorted(names().optimizers)).toEqual(sorted(Object.keys(optimizers)));
    expect(sorted(names().routes)).toEqual(sorted(Object.keys(routes)));
  });

  it.skipIf(missing)("counters and status codes, which cross as numbers, are in the same order", () => {
    expect(names().stages).toEqual(stages);
    expect(names().traffic).toEqual(trafficKinds);
    expect(names().status).toEqual(statusCodes);
  });
});

describe.skipIf(nativeMissing("cpu"))("a node that TypeScript would not have made", () => {
  const open = async (change: (node: Record<string, unknown>) => void) => {
    const { json, memory } = nativeJob(tinyJob(tinyPlan(["host"], { on: "host" })));
    const job = JSON.parse(json);
    change(job.program.program.nodes[1]);
    return loadNative("cpu").open(JSON.stringify(job), memory);
  };

  it("is refused by its op's name, and the names that there are are listed", async () => {
    await expect(open((node) => Object.assign(node, { op: "convolve" }))).rejects.toThrow(
      /Unknown op 'convolve'\. Known: linear, .*reduce-sum/,
    );
  });

  it("is refused by its op for a missing attribute, and for operands that do not fit", async () => {
    await expect(open((node) => Object.assign(node, { attributes: {} }))).rejects.toThrow(/self/);
    await expect(open((node) => Object.assign(node, { op: "normalize", attributes: { epsilon: 1 } }))).rejects.toThrow(
      /Node 'y' \(normalize\) needs 1 inputs, found 2/,
    );
    await expect(open((node) => Object.assign(node, { op: "multiply", attributes: {} }))).rejects.toThrow(
      /Node 'y' \(multiply\) needs operands of one shape/,
    );
  });
});
