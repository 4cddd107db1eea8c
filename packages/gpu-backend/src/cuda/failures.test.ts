import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Plan, RouteName } from "@fae/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nativeJob } from "../native/job.js";
import {
  featurelessProgram,
  featurelessWords,
  nativeMissing,
  randomTinyWords,
  tinyJob,
  tinyLayout,
  tinyPlan,
  tinyProgram,
} from "../native/testing.js";

const run = promisify(execFile);
const packageRoot = fileURLToPath(new URL("../..", import.meta.url));
const tree = join(packageRoot, "build/cmake");
const tool = join(tree, "cuda/failure_check");
const missing = nativeMissing("cuda") ?? (existsSync(join(tree, "CMakeCache.txt")) ? null : "built elsewhere");

const folder = mkdtempSync(join(tmpdir(), "fae-cuda-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A job as the addon would hand it to the engine, its rows in a file, written to a file. */
function jobFile(name: string, plan: Plan, below = 60, program = tinyProgram): string {
  const words = randomTinyWords(44, 1, below);
  // Hot segments name hot rows only.
  if (below < 60) for (let i = 3; i < words.length; i += 4) words[i] &= 1;
  const rows = join(folder, `${name}.rows`);
  const { denseFeatures } = program;
  writeFileSync(rows, denseFeatures > 0 ? words : featurelessWords(words));
  const layout = { ...tinyLayout, denseFeatures };
  const source = { name: "train", layout, rows: 44, storage: { kind: "file", path: rows } } as const;
  const path = join(folder, `${name}.json`);
  writeFileSync(path, nativeJob(tinyJob(plan, { program, sources: [{ ...source, shuffleSeed: null }] })).json);
  return path;
}

const split = { on: "split", hotRows: 2 } as const;
const cases: readonly [string, readonly RouteName[], Plan, number?][] = [
  ["device", ["device", "device"], tinyPlan(["device"], { on: "device" })],
  ["mixed", ["mixed", "mixed"], tinyPlan(["mixed"], split)],
  ["mixed, nothing ahead", ["mixed", "mixed"], tinyPlan(["mixed"], split, { lookAhead: 0 })],
  ["hybrid", ["hybrid", "hybrid"], tinyPlan(["hybrid"], { on: "host" })],
  ["fae", ["hybrid", "hot", "hybrid", "hot"], tinyPlan(["hot", "hybrid"], split), 2],
  ["server", ["server", "server"], tinyPlan(["server"], { on: "host" }, { staleness: 1 })],
];

const source = (name: string) => join(packageRoot, "native/cuda/test", name);

/** A folder with a shared library made of one C file. */
function library(file: string, name: string, ...flags: string[]): string {
  const made = mkdtempSync(join(folder, "library-"));
  const options = ["-shared", "-fPIC", "-Wall", "-Werror", ...flags, "-o", join(made, name), source(file)];
  const built = spawnSync("cc", options, { encoding: "utf8" });
  if (built.status !== 0) throw new Error(`${file} was not compiled:\n${built.stderr}`);
  return made;
}

describe.skipIf(missing !== null)("on a CUDA runtime whose calls fail", () => {
  beforeAll(() => {
    const built = spawnSync("cmake", ["--build", tree, "--target", "failure_check"], { encoding: "utf8" });
    if (built.status !== 0) throw new Error(`failure_check was not built:\n${built.stdout}${built.stderr}`);
  }, 120_000);

  it.each(cases)(
    "every failure ends the session with its first cause and leaves nothing: %s",
    async (name, routes, plan, below) => {
      // Every call fails in turn when the tool is started by hand; here every fifth.
      const { stdout } = await run(tool, [jobFile(name, plan, below), routes.join(","), "5"]);
      expect(stdout).toMatch(/ 0 problems/);
    },
  );

  it("a program without dense features", async () => {
    const path = jobFile("featureless", tinyPlan(["device"], { on: "device" }), 60, featurelessProgram);
    const { stdout } = await run(tool, [path, "device,device", "5"]);
    expect(stdout).toMatch(/ 0 problems/);
  });

  it("the same with cuBLASLt", async () => {
    const env = {
      ...process.env,
      FAE_CUDA_LIBRARY_PATH: library("fake_cublaslt.c", "libcublasLt.so.13"),
      FAE_CUDA_GEMM: "cublaslt",
    };
    const path = jobFile("cublaslt", tinyPlan(["device"], { on: "device" }));
    const { stdout } = await run(tool, [path, "device,device", "5"], { env });
    expect(stdout).toMatch(/ 0 problems/);
  });

  it.each([
    ["cublaslt", /open: FAE_CUDA_GEMM asks for cuBLASLt: not found .*unset FAE_CUDA_GEMM/],
    ["fastest", /open: FAE_CUDA_GEMM is 'fastest', expected auto, own or cublaslt/],
  ])("FAE_CUDA_GEMM=%s is refused where it cannot be had", async (setting, message) => {
    const env = { ...process.env, FAE_CUDA_GEMM: setting };
    const path = jobFile(`gemm-${setting}`, tinyPlan(["device"], { on: "device" }));
    await expect(run(tool, [path, "device"], { env })).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(message),
    });
  });
});

describe.skipIf(missing !== null)("libraries of the machine", () => {
  /** The engine in a process of its own, which opens libraries once. */
  async function engineWith(env: Record<string, string>): Promise<{ facts: Record<string, string>; refusal: string }> {
    const script = `
      const binding = require(${JSON.stringify(join(packageRoot, "build/fae-cuda.node"))});
      const job = require("node:fs").readFileSync(${JSON.stringify(jobFile("machine", tinyPlan(["device"], { on: "device" })))}, "utf8");
      binding.open(job, []).then(() => "", ({ status, message, details }) => [status, message, details].join(" ")).then((refusal) =>
        console.log(JSON.stringify({ facts: JSON.parse(binding.machine()).facts, refusal })));`;
    const { stdout } = await run(process.execPath, ["-e", script], { env: { ...process.env, ...env } });
    return JSON.parse(stdout);
  }

  it("a driver that is too old is told from none, with both versions and the fix", async () => {
    const { facts, refusal } = await engineWith({ LD_LIBRARY_PATH: library("old_driver.c", "libcuda.so.1") });
    expect(facts).toMatchObject({ driver: "supports CUDA 12.4", runtime: "CUDA 13.0, linked in" });
    expect(refusal).toMatch(
      /^5 The CUDA engine cannot run: the NVIDIA driver supports CUDA 12\.4, this build needs 13\.0 \(driver 580 or newer\)\. Use the cpu engine/,
    );
    expect(refusal).toMatch(/"driver":"12\.4","runtime":"13\.0"/);
  });

  it("a cuBLASLt that is missing, broken or switched off is told, and own kernels take over", async () => {
    const broken = library("fake_cublaslt.c", "libcublasLt.so.13", "-DINCOMPLETE");
    const whole = library("fake_cublaslt.c", "libcublasLt.so.13");
    expect((await engineWith({ FAE_CUDA_LIBRARY_PATH: whole })).facts.cublasLt).toMatch(
      /libcublasLt\.so\.13, version 130000/,
    );
    expect((await engineWith({ FAE_CUDA_LIBRARY_PATH: broken })).facts.cublasLt).toMatch(
      /has no cublasLtMatmul; own matrix kernels run instead/,
    );
    expect((await engineWith({ FAE_CUDA_GEMM: "own" })).facts.cublasLt).toMatch(
      /FAE_CUDA_GEMM is own; own matrix kernels/,
    );
  });
});
