import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { rmc1, rmc2 } from "@fae/models";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyBench } from "../../test/tiny-bench.js";
import { workloads } from "../data/workloads.js";
import { comparePeers } from "./compare-peers.js";
import { checkCheckouts, layerSizes, type PeerRequest, peerArguments } from "./peer.js";
import { findPython, onPath, runPython } from "./python.js";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-python-"));
});
afterAll(() => rmSync(root, { recursive: true }));

function program(folder: string, name: string, script: string): string {
  const path = join(root, folder, name);
  mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

test("the first Python on PATH that has torch is taken", async () => {
  program("without", "python3", 'echo "ModuleNotFoundError: No module named torch" >&2; exit 1');
  const good = program("with", "python3", `echo '["3.11.2", "2.1", false]'`);
  const path = [join(root, "without"), join(root, "nowhere"), join(root, "with")].join(delimiter);
  expect(await findPython(undefined, path)).toEqual({ path: good, version: "3.11.2", torch: "2.1", hasGpu: false });
  expect(onPath("python3", path)).toHaveLength(2);
  const without = findPython(undefined, join(root, "without"));
  await expect(without).rejects.toThrow(/No Python on PATH has torch: tried .*without\/python3\. Install PyTorch/);
  await expect(findPython(undefined, "")).rejects.toMatchObject({ code: "ERR_ENGINE_UNAVAILABLE" });
  const named = findPython(join(root, "without", "python3"), path);
  await expect(named).rejects.toThrow(/No module named torch.*--python/);
});

test("a script's own last words are the error", async () => {
  const path = program("broken", "python3", 'echo "loading" >&2; echo "lower --steps" >&2; exit 1');
  const python = { path, version: "", torch: "", hasGpu: false };
  const signal = new AbortController().signal;
  await expect(runPython(python, "x.py", [], signal)).rejects.toThrow(/peer failed: lower --steps\./);
  await expect(runPython(python, "x.py", [], AbortSignal.abort())).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
});

test("the sizes of a model's layers are those of its weights", () => {
  const small = rmc2(new Array<number>(26).fill(4));
  expect(layerSizes(small, "bot_l")).toEqual([13, 512, 256, 64, 16]);
  expect(layerSizes(small, "top_l")).toEqual([367, 512, 256, 1]);
  const tbsm = rmc1([5, 6, 7]);
  expect(layerSizes(tbsm, "dlrm.top_l")).toEqual([22, 15, 15]);
  expect(layerSizes(tbsm, "ams.0.mlp")).toEqual([20, 15, 15, 20]);
  expect(layerSizes(tbsm, "mlps.0")).toEqual([30, 60, 1]);
});

test("a peer is told data, sizes and checkout", async () => {
  using bench = tinyBench();
  const [taobao, kaggle] = await workloads(bench, ["RMC1", "RMC2"]);
  const request: PeerRequest = {
    data: taobao.data,
    program: rmc1(taobao.data.tables.map(({ rows }) => rows)),
    optimizer: "adagrad",
    learningRate: 0.05,
    batch: 8,
    steps: 4,
    warmUp: 1,
    threads: 2,
    device: "cpu",
    checkouts: { dlrm: "/dlrm", tbsm: "/tbsm" },
  };
  const flags = peerArguments(request).join(" ");
  expect(flags).toContain("--history 20 --attention 15,15 --head 60,1 --checkout /tbsm --dlrm /dlrm");
  expect(flags).toContain("--dense 1 --dense-encoding float32 --width 16 --bottom 1,16 --top 15,15 --batch 8");
  const program2 = rmc2(kaggle.data.tables.map(({ rows }) => rows));
  const own = peerArguments({ ...request, data: kaggle.data, program: program2, checkouts: {} }).join(" ");
  expect(own).toContain("--bottom 13,512,256,64,16 --top 512,256,1");
  expect(own).toContain("--device cpu");
  expect(own).not.toContain("--checkout");
});

test("a peer that reports no losses, or one too few, is not taken to have ours", async () => {
  using bench = tinyBench();
  const [workload] = await workloads(bench, ["RMC2"]);
  for (const losses of ["[]", "[0.5, 0.5, 0.5]"]) {
    const answer = `{"model": "", "losses": ${losses}, "seconds": [], "torch": "2.1", "threads": 1, "device": "cpu", "gemm_gflops": 1}`;
    const path = program("silent", "python3", `echo '${answer}'`);
    const found = await comparePeers(bench, { path, version: "", torch: "", hasGpu: false }, workload);
    expect(found).toMatchObject({
      systems: [],
      checks: [{ passed: false, detail: expect.stringContaining("missing") }],
    });
  }
});

test("a folder that is no checkout, and tbsm without dlrm, are refused", async () => {
  await expect(checkCheckouts({ dlrm: root })).rejects.toThrow(/no checkout of facebookresearch\/dlrm/);
  program("tbsm", "tbsm_pytorch.py", "");
  await expect(checkCheckouts({ tbsm: join(root, "tbsm") })).rejects.toThrow(/--reference-tbsm needs --reference-dlrm/);
  await expect(checkCheckouts({})).resolves.toBeUndefined();
});
