import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSmallData } from "../src/test-data.js";
import { engineStatuses } from "../src/train/engines.js";

const script = join(import.meta.dirname, "../dist/main.js");
const isBuilt = existsSync(script);
const hasCpu = (await engineStatuses()).some(({ name, available }) => name === "cpu" && available);
if (!hasCpu) console.log("skipped: kills and resumes need engine cpu");
if (!isBuilt) console.log("skipped: apps/trainer is not built (npm run setup)");

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
/** @param watch sees the process and everything it has said on stderr so far */
const fae = (args: readonly string[], watch?: (child: ChildProcess, err: string) => void): Promise<Ended> =>
  run(script, args, watch);

function run(
  path: string,
  args: readonly string[],
  watch: (child: ChildProcess, err: string) => void = () => {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
      watch(child, err);
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

describe.skipIf(!isBuilt)("the built command", () => {
  let root = "";
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "fae-built-"));
  });
  afterAll(() => rmSync(root, { recursive: true }));

  test("prints its version, and one JSON object of an error", async () => {
    expect((await fae(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    const { code, out } = await fae(["inspect", join(root, "nothing"), "--json"]);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ error: { code: "ERR_DATA" } });
  });

  test("says in one line that it may open too few files", () => {
    const limited = spawnSync("sh", ["-c", 'ulimit -n 64 && exec "$0" "$1" --version', process.execPath, script], {
      encoding: "utf8",
    });
    expect(limited.status).toBe(1);
    expect(limited.stderr).toMatch(/^error: This process may open only 64 files at once, [^\n]*ulimit -n 1024\.\n$/);
  });

  test("of processes that make the same data set exactly one works", async () => {
    const contend = join(import.meta.dirname, "../scripts/contend.mjs");
    const { code, err } = await run(contend, ["--stage", "prepare", "--rounds", "3"]);
    expect(err).toBe("prepare: 3 rounds of 4 processes\n");
    expect(code).toBe(0);
  });

  test("Ctrl-C ends a training with 130 and leaves nothing", async () => {
    const data = writeSmallData(join(root, "data"), { inputs: { train: 4000, test: 100 } });
    const args = ["train", data, "--model", "dlrm", "--engine", "reference", "--batch", "100", "--epochs", "1000"];
    const run = join(root, "runs", "stopped");
    let isStopped = false;
    const ended = await fae([...args, "--run", run, "--test-every", "5"], (child, err) => {
      if (isStopped || !err.includes("test after batch 5")) return;
      isStopped = child.kill("SIGINT");
    });
    expect(ended).toMatchObject({ code: 130, out: "" });
    expect(ended.err).toContain("error: Training was interrupted.");
    expect(existsSync(join(root, "runs"))).toBe(false);
  });

  test.skipIf(!hasCpu)(
    "a training that is killed and resumed ends with the model of one in one piece",
    async () => {
      const kill = join(import.meta.dirname, "../scripts/kill.mjs");
      const ended = await run(kill, ["--kills", "4", "--stage", "train cpu-only"]);
      expect(ended).toMatchObject({ code: 0 });
      expect(JSON.parse(ended.out)).toMatchObject({ kills: 4 });
    },
    120_000,
  );

  test("profile and pack with threads feed a training", async () => {
    const data = writeSmallData(join(root, "long"), { inputs: { train: 60_000, val: 500 } });
    const model = ["--model", "dlrm", "--width", "4"];
    const budget = ["--budget", "320", "--small-tables", "128"];
    expect(await fae(["profile", data, ...model, ...budget, "--workers", "3"])).toMatchObject({ code: 0 });
    const packed = join(root, "packed");
    expect(await fae(["pack", data, "--out", packed, "--workers", "3"])).toMatchObject({ code: 0 });
    const layers = ["--bottom-mlp", "8,4", "--top-mlp", "8,1"];
    const trained = await fae(["train", packed, ...model, ...layers, "--strategy", "fae", "--max-batches", "4"]);
    expect(trained).toMatchObject({ code: 0 });
    expect(trained.out).toContain("log loss");
  });
});
