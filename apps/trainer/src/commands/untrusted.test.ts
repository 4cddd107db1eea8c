import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeSafetensors } from "@fae/embedding-store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { captureIo } from "../cli/test-io.js";
import { main } from "../cli.js";
import { writeSmallData } from "../test-data.js";
import { trainingOf } from "../train/training-state.js";

const root = mkdtempSync(join(tmpdir(), "fae-untrusted-"));
const at = (...parts: string[]): string => join(root, ...parts);
beforeAll(() => void writeSmallData(at("data")));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function fae(...args: string[]) {
  const io = captureIo();
  const code = await main(args, io);
  return { code, out: io.out(), err: io.err() };
}
/** A copy of the data set with another manifest. */
function withManifest(
  name: string,
  change: (manifest: { readonly tables: readonly { readonly name: string }[] }) => unknown,
): string {
  cpSync(at("data"), at(name), { recursive: true });
  const path = at(name, "manifest.json");
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")))));
  return at(name);
}

test("names of tables and tensors reach the terminal without what it would obey", async () => {
  const evil = "t\x1b]0;owned\x07\u202e";
  const data = withManifest("evil", ({ tables, ...rest }) => ({
    ...rest,
    tables: tables.map((table, t) => (t === 0 ? { ...table, name: evil } : table)),
  }));
  await writeSafetensors(at("evil.safetensors"), [{ name: evil, dtype: "F32", shape: [1], data: new Float32Array(1) }]);
  for (const path of [data, at("evil.safetensors"), `${evil}.nowhere`]) {
    const { out, err } = await fae("inspect", path);
    expect(out + err).toContain("\\x1b]0;owned\\x07\\u202e");
    expect(out + err).not.toMatch(/[^\P{Cc}\n\t]|\p{Bidi_Control}/u);
  }
});

test("a manifest of null is refused in words", async () => {
  const { code, err } = await fae(
    "inspect",
    withManifest("null", () => null),
  );
  expect(code).toBe(1);
  expect(err).toMatch(/^error: [^\n]*manifest\.json[^\n]*\n$/);
});

test("a FIFO is refused by every command that reads a file, before it is opened", async () => {
  const fifo = at("log.fifo.safetensors");
  execFileSync("mkfifo", [fifo]);
  mkdirSync(at("case"));
  execFileSync("mkfifo", [at("case", "case.json")]);
  for (const args of [
    ["inspect", fifo],
    ["prepare", "criteo-kaggle", fifo, "--out", at("out")],
    ["import", fifo, "--model", "dlrm", "--data", at("data"), "--out", at("imported")],
    ["verify", at("case"), "--engine", "reference"],
    ["train", at("data"), "--model", "dlrm", "--config", fifo],
  ]) {
    const { code, err } = await fae(...args);
    expect(err, args.join(" ")).toMatch(/is a FIFO, expected a file|is not a regular file/);
    expect(code).toBe(1);
  }
});

test("more tensors than a call takes arguments are listed", async () => {
  const header = Object.fromEntries(
    Array.from({ length: 150_000 }, (_, i) => [
      `t${i}`,
      { dtype: "F32", shape: [1], data_offsets: [4 * i, 4 * i + 4] },
    ]),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(at("many.safetensors"), Buffer.concat([length, text, Buffer.alloc(600_000)]));
  const { code, out } = await fae("inspect", at("many.safetensors"));
  expect(code).toBe(0);
  expect(out.split("\n").length).toBeGreaterThan(150_000);
});

test.each<[string, unknown]>([
  ["optimizer", null],
  ["modelOptions", null],
  ["shuffle", "zzz"],
  ["batch", "50"],
  ["noSuchOption", 1],
])("a checkpoint whose options have %s %j is refused by its path", (option, value) => {
  const bytes = Object.fromEntries(
    ["inputs", "rows", "rowState", "parameters", "switch"].map((kind) => [kind, { toDevice: 0, toHost: 0 }]),
  );
  const zero = { batches: 0, inputs: 0, trainSeconds: 0, evaluateSeconds: 0, coldRows: 0, forwardedRows: 0 };
  const stages = ["read", "gather", "copy", "forward", "backward", "update", "switch", "wait"];
  const stageSeconds = Object.fromEntries(stages.map((stage) => [stage, 0]));
  const counts = {
    stageSeconds,
    trainBytes: bytes,
    evaluateBytes: bytes,
    epochBytes: [],
    switchedRows: 0,
    switches: 0,
    routes: {},
  };
  const better = { best: null, bad: 0 };
  const loop = {
    totals: { ...zero, ...counts },
    lastRoute: null,
    plateau: { ...better, scale: 1, cooling: 0 },
    earlyStop: { ...better, bestStep: 0, isOver: false },
    tested: null,
  };
  const training = {
    version: 2,
    options: { data: "d", model: "dlrm", [option]: value },
    data: { digest: "", hotRows: null },
    order: { kind: "in-order", epoch: 0, next: 0 },
    loop,
    metrics: { bytes: 0, sha256: "" },
    afterFull: 0,
    seconds: 0,
    resumedAt: [],
  };
  const checkpoint = { path: "runs/a/checkpoints/step-1", base: null, manifest: { state: { training } } };
  expect(() => trainingOf(checkpoint as never)).toThrow(
    new RegExp(`^Checkpoint 'runs/a/checkpoints/step-1' .*${option}`),
  );
});
