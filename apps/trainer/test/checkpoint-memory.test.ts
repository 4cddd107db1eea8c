import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { openPrepared } from "@fae/datasets";
import { profile, writeProfile } from "@fae/profiler";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packData } from "../src/pack/pack-data.js";
import { planRun } from "../src/plan/plan-run.js";
import { writeSmallData } from "../src/test-data.js";
import { engineStatuses } from "../src/train/engines.js";

const library = join(import.meta.dirname, "../dist/index.js");
const hasCpu = (await engineStatuses()).some(({ name, available }) => name === "cpu" && available);
const canRun = existsSync(library) && hasCpu && process.platform === "linux";
if (!canRun) console.log("skipped: needs the built trainer (npm run setup) and engine cpu, on Linux");

const common = {
  model: "dlrm",
  modelOptions: { width: 32, bottomMlp: [8, 32], topMlp: [1] },
  engine: "cpu",
  optimizer: "adagrad",
  batch: 64,
  threads: 1,
} as const;

describe.skipIf(!canRun)("the memory of checkpoints", () => {
  let root = "";
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "fae-memory-"));
    const directory = writeSmallData(join(root, "data"), { tables: [700_000, 50], inputs: { train: 640 } });
    const data = await openPrepared(directory);
    const made = await profile({ data, width: 32, stateValues: 32, budgetBytes: 2 ** 16, smallTableBytes: 0 });
    await writeProfile(join(root, "profile"), made);
    await packData({ data: directory, profile: join(root, "profile"), out: join(root, "packed") });
  });
  afterAll(() => rmSync(root, { recursive: true }));

  /** Most bytes that a process which trains on the built library has at once. */
  async function peakOf(options: object): Promise<number> {
    const code = `
      import { trainModel } from ${JSON.stringify(pathToFileURL(library).href)};
      await trainModel(${JSON.stringify({ ...common, learningRate: 0.01, segmentBatches: 2, ...options })});
      console.log(1024 * process.resourceUsage().maxRSS);`;
    // Threads of the library must not inherit what only goes with a program given in words.
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", code]);
    return Number(stdout);
  }

  test.each([
    ["cpu-only", "data"],
    ["mixed", "packed"],
  ] as const)("%s: what the plan counts is what the process grows by, within a tenth", async (strategy, name) => {
    const options = { strategy, data: join(root, name) };
    const plan = async (checkpointEvery: number) =>
      (await planRun({ ...common, ...options, checkpointEvery }, [strategy])).strategies[0];
    const [without, withCheckpoints] = [await plan(0), await plan(4)];
    expect(without).toMatchObject({ checkpoint: null, problems: [] });
    expect(withCheckpoints).toMatchObject({ checkpoint: { waits: false }, memory: without.memory, problems: [] });
    // Without a run nothing is written, the model neither: what the process has is the session's.
    const grown =
      (await peakOf({ ...options, checkpointEvery: 4, run: join(root, strategy) })) - (await peakOf(options));
    const counted = withCheckpoints.checkpoint?.hostBytes ?? 0;
    expect(counted).toBeGreaterThan(700_050 * 256);
    expect(grown / counted).toBeGreaterThan(0.9);
    expect(grown / counted).toBeLessThan(1.1);
  });
});
