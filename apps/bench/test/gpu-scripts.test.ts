import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "@fae/core";
import { rmc2 } from "@fae/models";
import { afterAll, describe, expect, it } from "vitest";

const scripts = fileURLToPath(new URL("../gpu", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "fae-gpu-scripts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hasPython = spawnSync("python3", ["--version"]).status === 0;
if (!hasPython) console.warn("skipped: there is no python3 for the tables of apps/bench/gpu");

function python(script: string, ...args: string[]): string {
  const done = spawnSync("python3", [join(scripts, script), ...args], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(done.stderr);
  return done.stdout;
}

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("scripts for GPU hosts", () => {
  it.each(readdirSync(scripts).filter((name) => name.endsWith(".sh")))("%s is valid bash", (name) => {
    expect(spawnSync("bash", ["-n", join(scripts, name)], { encoding: "utf8" })).toMatchObject({
      status: 0,
      stderr: "",
    });
  });

  it.skipIf(!hasPython)("set kernels of one step against the floors of their parts", () => {
    const metrics = { "gpu__time_duration.sum": 20_000, "dram__bytes_read.sum": 3e6 };
    const kernels = [
      "update_kernel<0>",
      "decode_kernel(DecodeArgs)",
      "tiled::tf32_kernel<0, 32>(Gemm)",
      "chunk_kernel<float>",
      "decode_kernel(DecodeArgs)",
    ];
    const lines = kernels.flatMap((kernel, id) =>
      Object.entries(metrics).map(
        ([metric, value]) =>
          `"${id}","1","x","h","${kernel}","1","7","(1, 1, 1)","(8, 1, 1)","0","9.0","s","${metric}","u","${value}"`,
      ),
    );
    const head = `"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device","CC","Section Name","Metric Name","Metric Unit","Metric Value"`;
    const csv = file("kernels.csv", ["==PROF== Connected", head, ...lines].join("\n"));
    const program = file("rmc2.json", JSON.stringify(compile(rmc2())));
    const out = join(folder, "kernels.json");
    expect(python("kernels.py", csv, program, "1024", "--json", out)).toMatch(/row update +1 +20\.0 +3\.0 +5\.2/);
    const { parts } = JSON.parse(readFileSync(out, "utf8"));
    expect(Object.keys(parts).sort()).toEqual(["decode", "matrix products", "row update"]);
    // Every layer but the last: forward, weight gradient, and the input gradient except for the first.
    const layers = [
      [512, 13, 2],
      [256, 512, 3],
      [64, 256, 3],
      [16, 64, 3],
      [512, 367, 3],
      [256, 512, 3],
    ];
    expect(parts["matrix products"].operations).toBe(
      layers.reduce((sum, [m, k, times]) => sum + times * 2 * 1024 * m * k, 0),
    );
  });

  it.skipIf(!hasPython)("show step times, cold shares, switches and bits as tables", () => {
    const base = { program: "x/rmc2.json", batch: 4096 };
    const side = { milliseconds: 1.5, rows: [10, 30, 20] };
    const results = [
      { ...base, route: "device", milliseconds: 0.25, rowBytesPerStep: 0, lookAhead: 2 },
      { ...base, route: "mixed", milliseconds: 0.5, rowBytesPerStep: 64_000, lookAhead: 2 },
      { ...base, route: "mixed", milliseconds: 0.75, lookAhead: 1, coldShare: 0.5, coldRowsPerStep: 900 },
      {
        ...base,
        route: "fae-switch",
        milliseconds: 3,
        toDevice: side,
        toHost: side,
        hotStepMs: [1],
        hybridStepMs: [2],
        hotBatches: 64,
        hybridBatches: 16,
      },
      { ...base, route: "bits", runs: 8, equal: true },
    ];
    const text = python("table.py", file("results.jsonl", results.map((line) => JSON.stringify(line)).join("\n")));
    expect(text).toMatch(/rmc2 +4096 mixed +0\.5000 +8\.19 +2\.000/);
    expect(text).toMatch(/look-ahead 1 +0\.7500\n +cold rows fetched +900/);
    expect(text).toMatch(/switch: to the device 1\.500 ms for 20 rows/);
    expect(text).toMatch(/equal to the bit/);
  });

  it.skipIf(!hasPython)("sum up whole runs, failed ones too", () => {
    const none = { toDevice: 0, toHost: 0 };
    const report = {
      seconds: { train: 2, open: 1, stages: { switch: 0.5 } },
      tests: [{ seconds: 0.5 }],
      inputs: 4_000_000,
      switches: 3,
      rows: { switched: 7 },
      bytes: { train: { rows: { toDevice: 1e9, toHost: 1e9 }, rowState: none, switch: none } },
      metrics: { test: { auc: 0.75 } },
      memory: {},
    };
    file("kaggle-prepare.json", '{"profile":1.25,"pack":2.5}');
    file("kaggle-dlrm-hybrid-1.json", JSON.stringify(report));
    file("kaggle-fae-1.json", '{"error":{"code":"ERR_ENGINE"}}');
    const text = python("runs.py", folder, "kaggle");
    expect(text).toMatch(/dlrm-hybrid +4000000 +2\.000 +2\.000 +0\.500 +0\.5000 +3 +40\.0 +2\.000 +0\.75000/);
    expect(text).toMatch(/fae +failed, see kaggle-fae-1\.json/);
    expect(JSON.parse(readFileSync(join(folder, "kaggle.json"), "utf8"))).toMatchObject({
      prepare: { pack: 2.5 },
      runs: [{ strategy: "dlrm-hybrid" }],
    });
  });
});
