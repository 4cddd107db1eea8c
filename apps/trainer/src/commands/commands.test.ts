import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "@fae/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { captureIo } from "../cli/test-io.js";
import { main } from "../cli.js";
import { writeSmallData } from "../test-data.js";

let root = "";
let data = "";
const at = (...parts: string[]): string => join(root, ...parts);
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-commands-"));
  data = writeSmallData(at("small"));
  writeFileSync(at("train.txt"), criteoLines(700));
});
afterAll(() => rmSync(root, { recursive: true }));

/** Raw Criteo lines in which key C1 tells the label. */
function criteoLines(lines: number): string {
  const random = new Random(5);
  return Array.from({ length: lines }, () => {
    const label = random.below(2);
    const dense = Array.from({ length: 13 }, () => (random.below(5) === 0 ? "" : random.below(90)));
    const keys = Array.from({ length: 26 }, (_, t) => (t === 0 ? label * 7 + 1 : random.below(6)));
    const hex = keys.map((key) => key.toString(16).padStart(8, "0"));
    return `${[label, ...dense, ...hex].join("\t")}\n`;
  }).join("");
}

async function fae(...args: string[]) {
  const io = captureIo();
  const code = await main(args, io);
  return { code, out: io.out(), err: io.err() };
}
const json = async (...args: string[]) => {
  const { code, out, err } = await fae(...args, "--json");
  expect(err).not.toContain("error:");
  expect(code).toBe(0);
  expect(out.trim().split("\n").length).toBe(1);
  return JSON.parse(out);
};
const smallModel = ["--model", "dlrm", "--width", "4", "--bottom-mlp", "8,4", "--top-mlp", "8,1", "--batch", "50"];

test("what was written is verified byte by byte", async () => {
  const verified = writeSmallData(at("verified"));
  expect(await json("inspect", verified, "--verify")).toMatchObject({ kind: "prepared", verified: true });
  const rows = readFileSync(join(verified, "test.rows"));
  rows[0] ^= 1; // a label
  writeFileSync(join(verified, "test.rows"), rows);
  expect(await fae("inspect", verified)).toMatchObject({ code: 0 });
  expect(await fae("inspect", verified, "--verify")).toMatchObject({
    code: 1,
    err: expect.stringMatching(/verified\/test.rows' is not what was written: its CRC-32 is \d+, the manifest says/),
  });
  writeFileSync(join(verified, "manifest.json"), "null");
  expect((await fae("inspect", verified)).err).toContain("'manifest.json' is not a checkpoint's");
});

test("a raw log becomes a trained model that is scored again", async () => {
  const prepared = await json("prepare", "criteo-kaggle", at("train.txt"), "--out", at("kaggle"));
  expect(prepared).toMatchObject({
    kind: "prepared",
    manifest: { source: "criteo-kaggle", splits: { train: { rows: 600 } } },
  });
  const run = at("runs", "first");
  const trained = await json(
    ...["train", at("kaggle"), "--model", "dlrm", "--width", "4", "--bottom-mlp", "8,4", "--top-mlp", "8,1"],
    ...["--engine", "reference", "--batch", "50", "--lr", "0.5", "--epochs", "3", "--run", run],
  );
  expect(trained.metrics.test.auc).toBeGreaterThan(0.95);
  const evaluated = await json("evaluate", run, at("kaggle"), "--engine", "reference");
  expect(evaluated.metrics.auc).toBe(trained.metrics.test.auc);
  expect(await json("inspect", run)).toMatchObject({ kind: "run", report: { steps: 36 } });
  expect(await json("inspect", join(run, "model"))).toMatchObject({ kind: "checkpoint", manifest: { step: 36 } });
});

test("the story of FAE: synthesise, profile, pack, and three strategies on the same data", async () => {
  const log = await json(
    "synth",
    "criteo-kaggle",
    "--rows",
    "3000",
    "--scale",
    "0.0001",
    "--seed",
    "3",
    "--out",
    at("log"),
  );
  expect(log).toMatchObject({ inputs: 3000, source: "criteo-kaggle" });
  const profiled = await json(
    "profile",
    at("log"),
    "--model",
    "dlrm",
    "--width",
    "4",
    "--budget",
    "64KiB",
    "--small-tables",
    "0",
  );
  expect(profiled.hotSet.bytes).toBeLessThanOrEqual(65_536);
  const packed = await json("pack", at("log"), "--out", at("packed"));
  expect(packed.hotInputs + packed.coldInputs).toBe((await json("inspect", at("packed"))).manifest.splits.train.rows);
  const train = (directory: string, strategy: string) =>
    json(
      "train",
      at(directory),
      "--strategy",
      strategy,
      ...smallModel,
      "--engine",
      "reference",
      "--lr",
      "0.2",
      "--test-inputs",
      "100",
    );
  const hybrid = await train("packed", "dlrm-hybrid");
  const mixed = await train("packed", "mixed");
  const parted = await train("packed", "fae");
  expect(mixed.lossCurve.map(({ loss }: { loss: number }) => loss)).toEqual(
    hybrid.lossCurve.map(({ loss }: { loss: number }) => loss),
  );
  expect(mixed.metrics).toEqual(hybrid.metrics);
  // The same rows under other numbers start with the same values: packing changes no result.
  expect((await train("log", "dlrm-hybrid")).metrics).toEqual(hybrid.metrics);
  expect(mixed.bytes.train.rows.toDevice).toBeLessThan(hybrid.bytes.train.rows.toDevice);
  expect(parted.routes.hot.inputs).toBe(packed.hotInputs);
  expect(parted.routes.hybrid.inputs).toBe(packed.coldInputs);
  expect(parted.schedulerTrace.length).toBeGreaterThan(0);
  expect(parted.switches).toBeGreaterThan(0);

  const lean = await json("pack", at("log"), "--without-classes", "--out", at("lean"));
  const { directory, seconds, ...told } = packed;
  expect(lean).toMatchObject(told);
  expect((await train("lean", "mixed")).metrics).toEqual(mixed.metrics);
  const refused = await fae("train", at("lean"), "--strategy", "fae", ...smallModel, "--engine", "reference");
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("packed without classes") });
});

test("synth shows a dash for the AUC of one class", async () => {
  const { out } = await fae("synth", "criteo-kaggle", "--rows", "40", "--scale", "0.0001", "--out", at("tiny"));
  expect(out).toMatch(/^val +2 +- +0\.\d+$/m);
});

test("a profile never goes into a data set, and one that is in it does not hide it", async () => {
  const mixed = writeSmallData(at("mixed"));
  const args = ["profile", mixed, "--model", "dlrm", "--width", "4", "--budget", "1KiB", "--out"];
  const refused = await fae(...args, mixed);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("already exists and holds no profile") });
  expect(refused.err).not.toContain("inputs"); // nothing was counted
  await json(...args, at("mixed-profile"));
  expect(await json("inspect", at("mixed-profile"))).toMatchObject({ kind: "profile" });
  cpSync(at("mixed-profile", "profile.json"), join(mixed, "profile.json"));
  expect(await json("inspect", mixed)).toMatchObject({ kind: "prepared" });
});

test("a log that gives few batches an epoch gets a hint on stderr, one with enough none", async () => {
  const [batch] = smallModel.slice(-1);
  const args = ["train", data, ...smallModel.slice(0, -1)];
  const few = await fae(...args, batch, "--engine", "reference", "--json");
  expect(few.code).toBe(0);
  expect(few.err.match(/^hint: .*$/gm)).toEqual([
    expect.stringMatching(/only 12 batches of 50 inputs.*; --batch 8 makes it 75$/),
  ]);
  expect(few.out).not.toContain("hint");
  expect(JSON.parse(few.out).steps).toBe(12);
  expect((await fae(...args, "8", "--engine", "reference")).err).not.toContain("hint");
});

test("people get tables", async () => {
  const trained = await fae(
    "train",
    data,
    ...smallModel,
    "--engine",
    "reference",
    "--strategy",
    "dlrm-hybrid",
    "--test-every",
    "6",
  );
  expect(trained.code).toBe(0);
  for (const part of ["training, wall", "bytes per epoch", "rows", "AUC", "log loss"])
    expect(trained.out).toContain(part);
  expect(trained.err).toContain("engine reference (asked for)");
  expect(trained.err).toContain("test after batch 6: log loss");
  const shown = await fae("inspect", data, "--rows", "1");
  expect(shown.out).toContain("train[0] label");
  expect(shown.out).toContain("t2");
});

test("every command explains itself with an example", async () => {
  const { out } = await fae("--help");
  for (const [, name] of out.matchAll(/^ {2}([a-z]+) \[options\]/gm)) {
    const help = await fae(name, "--help");
    expect(help.code).toBe(0);
    expect(help.out).toMatch(new RegExp(`Example:\\n {2}.*fae ${name}`));
  }
  expect([...out.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map(([, name]) => name)).toContain("train");
});

test("doctor lists the machine and every engine", async () => {
  const found = await json("doctor");
  expect(found.machine.node).toBe(process.version);
  expect(found.engines.find((engine: { name: string }) => engine.name === "reference")).toMatchObject({
    available: true,
  });
  expect((await fae("doctor")).out).toContain("reference");
});

test("verify passes recorded cases and fails changed ones", async () => {
  const golden = join(import.meta.dirname, "../../../../test/golden/dlrm-cat-sgd");
  expect(await json("verify", golden, "--engine", "reference")).toMatchObject({ passed: 1, failed: 0 });
  expect((await fae("verify", at("small"), "--engine", "reference")).code).toBe(1);
  expect(await json("verify", at("small"), golden, "--engine", "reference")).toMatchObject({
    passed: 1,
    leftOut: [at("small")],
  });
  const gone = await fae("verify", golden, at("no-such-case"), "--engine", "reference");
  expect(gone).toMatchObject({ code: 1, err: expect.stringContaining("no-such-case") });
});

const bad: [string, string[], string][] = [
  ["a batch of 0", ["--batch", "0"], "Option --batch"],
  [
    "a batch larger than the split",
    ["--batch", "601"],
    "A batch of 601 inputs is larger than the training split, which has 600",
  ],
  ["a strategy without packed data", ["--strategy", "mixed"], "fae pack"],
  ["an unknown strategy", ["--strategy", "fea"], "Did you mean 'fae'?"],
  ["an unknown engine", ["--engine", "gpu9"], "There is no engine 'gpu9'"],
  ["a missing weights file", ["--init", "/no/such.safetensors"], "'/no/such.safetensors' cannot be opened"],
];
test.each(bad)("train refuses %s with one message and writes nothing", async (_, more, message) => {
  const args = [...smallModel, "--engine", "reference", ...more];
  const { code, out, err } = await fae("train", data, ...args, "--run", at("bad", "run"));
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err.split("\n").filter((line) => line.startsWith("error: "))).toHaveLength(1);
  expect(err).toContain(message);
  expect(existsSync(at("bad"))).toBe(false);
});

test("data of another shape, a cut file and a foreign id are told apart", async () => {
  const wrong = await fae("train", data, "--model", "rmc2", "--engine", "reference");
  expect(wrong.err).toContain("Model 'rmc2' needs 13 dense features, 26 tables and 0 steps");
  const cut = writeSmallData(at("cut"));
  writeFileSync(join(cut, "train.rows"), readFileSync(join(cut, "train.rows")).subarray(0, 100));
  expect((await fae("train", cut, ...smallModel)).err).toContain("has 100 bytes, expected");
  const foreign = writeSmallData(at("foreign"));
  const rows = readFileSync(join(foreign, "train.rows"));
  rows.writeInt32LE(40, 4 * 3);
  writeFileSync(join(foreign, "train.rows"), rows);
  const { code, err } = await fae("train", foreign, ...smallModel, "--engine", "reference");
  expect(code).toBe(1);
  expect(err).toMatch(/row 0.*has no row 40/);
});

test("prepare leaves nothing behind when the log is broken", async () => {
  writeFileSync(at("broken.txt"), "this is no click log\n".repeat(20));
  const { code, err } = await fae("prepare", "criteo-kaggle", at("broken.txt"), "--out", at("broken"));
  expect(code).toBe(1);
  expect(err).toContain("broken.txt");
  expect(existsSync(at("broken"))).toBe(false);
  expect(existsSync(at("broken.partial"))).toBe(false);
  expect((await fae("prepare", "criteo-kagle", at("train.txt"), "--out", at("x"))).err).toContain(
    "Did you mean 'criteo-kaggle'?",
  );
});

test("Ctrl-C leaves a run with checkpoints, which --resume takes to its end", async () => {
  const run = at("resumed");
  const args = ["train", data, ...smallModel, "--engine", "reference", "--epochs", "20", "--test-every", "5"];
  const io = captureIo();
  const write = io.stderr.write.bind(io.stderr);
  io.stderr.write = (text: string) => {
    // Told while the rest of epoch 11, batches 131 and 132, runs.
    if (text.includes("test after batch 130")) io.controller.abort();
    return write(text);
  };
  expect(await main([...args, "--run", run, "--checkpoint-every", "1"], io)).toBe(130);
  expect((await fae("train", "--resume", run, "--epochs", "7")).err).toContain("The run has epochs");
  expect((await fae("train", "--resume", run, "--model", "rmc2")).err).toContain('The run has model "dlrm"');
  const report = await json("train", "--resume", run, "--threads", "2");
  expect(report).toMatchObject({ steps: 240, resumedAt: [132] });
  expect((await fae("train", "--resume", run)).err).toContain("is complete");
});

test("train hints at an option that its strategy does not look at", async () => {
  const args = ["train", data, ...smallModel, "--engine", "reference", "--max-batches", "1"];
  expect((await fae(...args, "--look-ahead", "3", "--servers", "2")).err).toContain(
    "hint: --look-ahead <batches> is for strategy mixed, and changes nothing for",
  );
  const server = await fae(...args, "--strategy", "xdl-parameter-server", "--servers", "2");
  expect(server.err).not.toContain("--servers");
});

test("train says what is missing", async () => {
  expect((await fae("train", data)).err).toContain("Option --model is missing");
  expect((await fae("train", "--model", "dlrm")).err).toContain("Missing required argument 'data'");
  const port = await fae("train", data, "--model", "dlrm", "--ui-port", "7008");
  expect(port).toMatchObject({ code: 1, err: expect.stringContaining("--ui-port 7008 is of no use without --ui.") });
});

test("predict says what is missing", async () => {
  expect((await fae("predict", at("run"), "-")).err).toContain("their format is not said. Give --format");
  expect((await fae("predict", at("run"), data, "--json")).out).toContain("the scores need a file. Give --out");
});

test("a run directory that cannot be made is one message", async () => {
  const args = ["train", data, ...smallModel, "--engine", "reference", "--max-batches", "1"];
  const { code, err } = await fae(...args, "--run", at("train.txt", "run"));
  expect(code).toBe(1);
  expect(err).toContain("train.txt is no directory");
  expect(err).not.toContain("    at ");
});

test("Ctrl-C ends a training with 130 and leaves nothing", async () => {
  const io = captureIo();
  io.controller.abort();
  const args = ["train", data, ...smallModel, "--engine", "reference", "--run", at("stopped", "run")];
  expect(await main(args, io)).toBe(130);
  expect(existsSync(at("stopped"))).toBe(false);
});
