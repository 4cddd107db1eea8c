import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Plan, RouteName } from "@fae/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nativeJob } from "../native/job.js";
import { nativeMissing, randomTinyWords, tinyJob, tinyLayout, tinyPlan } from "../native/testing.js";

const run = promisify(execFile);
const packageRoot = fileURLToPath(new URL("../..", import.meta.url));
const tree = join(packageRoot, "build/cmake");
const tool = join(tree, "cuda/failure_check");
const missing = nativeMissing("cuda") ?? (existsSync(join(tree, "CMakeCache.txt")) ? null : "built elsewhere");

const folder = mkdtempSync(join(tmpdir(), "fae-cuda-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A job as the addon would hand it to the engine, its rows in a file, written to a file. */
function jobFile(name: string, plan: Plan, below = 60): string {
  const words = randomTinyWords(44, 1, below);
  // Hot segments name hot rows only.
  if (below < 60) for (let i = 3; i < words.length; i += 4) words[i] &= 1;
  const rows = join(folder, `${name}.rows`);
  writeFileSync(rows, words);
  const source = { name: "train", layout: tinyLayout, rows: 44, storage: { kind: "file", path: rows } } as const;
  const path = join(folder, `${name}.json`);
  writeFileSync(path, nativeJob(tinyJob(plan, { sources: [{ ...source, shuffleSeed: null }] })).json);
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

describe.skipIf(missing !== null)("on a CUDA runtime whose calls fail", () => {
  beforeAll(() => {
    const built = spawnSync("cmake", ["--build", tree, "--target", "failure_check"], { encoding: "utf8" });
    if (built.status !== 0) throw new Error(`failure_check was not built:\n${built.stdout}${built.stderr}`);
  }, 120_000);

  it.each(cases)(
    "every failure ends the session with its first cause and leaves nothing: %s",
    async (name, routes, plan, below) => {
      const { stdout } = await run(tool, [jobFile(name, plan, below), routes.join(","), "5"]);
      expect(stdout).toMatch(/ 0 problems/);
    },
  );
});
