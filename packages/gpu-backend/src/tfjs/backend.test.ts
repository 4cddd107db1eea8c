import { describe, expect, test } from "vitest";
import { backendFacts, loadBackend } from "./backend.js";

/** A `require` that only knows the given modules. */
const finder = (modules: Record<string, unknown>): NodeJS.Require => {
  const find = (name: string) => {
    const found = modules[name];
    if (found instanceof Error) throw found;
    if (found === undefined)
      throw Object.assign(new Error(`Cannot find module '${name}'`), { code: "MODULE_NOT_FOUND" });
    return found;
  };
  return Object.assign(find, { resolve: (name: string) => name }) as unknown as NodeJS.Require;
};
const node = (isUsingGpuDevice: boolean) => ({
  version_core: "4.22.0",
  ready: async () => {},
  backend: () => ({ isUsingGpuDevice }),
});
const unavailable = (message: RegExp) => ({ code: "ERR_ENGINE_UNAVAILABLE", message: expect.stringMatching(message) });

describe("loadBackend", () => {
  test("says what to install when a backend is missing", async () => {
    await expect(loadBackend("node-gpu", finder({}))).rejects.toMatchObject(
      unavailable(/'node-gpu' is not installed.*npm i @tensorflow\/tfjs-node-gpu/),
    );
  });
  test("tells a blocked install script from a missing package", async () => {
    const broken = new Error("The Node.js native addon module (tfjs_binding.node) can not be found");
    await expect(loadBackend("node", finder({ "@tensorflow/tfjs-node": broken }))).rejects.toMatchObject(
      unavailable(/native part is missing.*reinstall/),
    );
  });
  test("refuses a GPU backend that fell back to the CPU", async () => {
    await expect(loadBackend("node-gpu", finder({ "@tensorflow/tfjs-node-gpu": node(false) }))).rejects.toMatchObject(
      unavailable(/runs on the CPU.*CUDA 11.2/),
    );
    const found = await loadBackend("node-gpu", finder({ "@tensorflow/tfjs-node-gpu": node(true) }));
    expect(found.description).toBe("tfjs 4.22.0, node-gpu");
  });
  test("without a name takes the first that works", async () => {
    const modules = { "@tensorflow/tfjs-node-gpu": node(false), "@tensorflow/tfjs-node": node(false) };
    expect((await loadBackend(undefined, finder(modules))).name).toBe("node");
  });
  test("without any backend lists every reason", async () => {
    await expect(loadBackend(undefined, finder({}))).rejects.toMatchObject(unavailable(/node-gpu: .*wasm: .*cpu: /s));
  });
  test("webgpu without an adapter is not available", async () => {
    const dawn = { create: () => ({ requestAdapter: async () => null }), globals: {} };
    await expect(loadBackend("webgpu", finder({ webgpu: dawn }))).rejects.toMatchObject(
      unavailable(/no adapter.*Vulkan/),
    );
  });
  test("says what is known of each version of Node", async () => {
    const of = (version: string) => backendFacts("node-gpu", version)["node"];
    expect(of("20.19.0")).toMatch(/works: its addon is prebuilt/);
    expect(of("22.21.0")).toMatch(/no prebuilt GPU addon.*Node 20/);
    for (const version of ["23.1.0", "24.4.0", "26.0.0"])
      expect(of(version)).toMatch(/util.isNullOrUndefined.*tfjs:wasm/);
    expect(backendFacts("node", "22.21.0")["node"]).toMatch(/works/);
    expect(backendFacts("node-gpu", "20.19.0")["gpu"]).toMatch(/CUDA 11.2.*H100/);
    expect(backendFacts("wasm", "24.0.0")).toEqual({});
    const missing = await loadBackend("node-gpu", finder({})).catch((error) => error);
    expect(missing.details.facts).toEqual(backendFacts("node-gpu"));
  });
  test("an unknown name lists the known ones", async () => {
    await expect(loadBackend("gpu")).rejects.toMatchObject({
      code: "ERR_CONFIG",
      message: expect.stringMatching(/node-gpu, node/),
    });
  });
});
