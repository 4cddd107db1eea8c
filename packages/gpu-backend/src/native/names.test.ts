import { ops, optimizers, type RouteName, stages, trafficKinds } from "@fae/core";
import { describe, expect, it } from "vitest";
import { type NativeNames, statusCodes } from "./binding.js";
import { loadNative } from "./load.js";
import { nativeMissing } from "./testing.js";

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
