import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { openRows, Random } from "@fae/core";
import { openPrepared, prepare, type RawFormatName, toBatchSource } from "@fae/datasets";
import { profile, writeProfile } from "@fae/profiler";
import { afterAll, beforeAll, expect, test } from "vitest";
import { captureIo } from "../cli/test-io.js";
import { main } from "../cli.js";
import { packData } from "../pack/pack-data.js";
import { writeSmallData } from "../test-data.js";
import { evaluateModel } from "../train/evaluate-model.js";
import { trainModel } from "../train/train-model.js";
import { openModel } from "./open-model.js";
import { type PredictOptions, predictScores } from "./predict-scores.js";

let root = "";
const at = (...parts: string[]): string => join(root, ...parts);
const modelOptions = { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] };

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fae-predict-"));
  writeSmallData(at("small"));
  await train(at("small"), at("run"));
  writeFileSync(at("train.txt"), lines(700).join(""));
  const files = [at("train.txt")];
  await prepare({ format: "criteo-kaggle", files, directory: at("kaggle"), workers: 1 });
  await train(at("kaggle"), at("kaggle-run"));
  await prepare({
    format: "criteo-kaggle",
    files,
    directory: at("hashed"),
    workers: 1,
    ids: "hash",
    maxRowsPerTable: 5,
  });
  await train(at("hashed"), at("hashed-run"));
  await packed(at("kaggle"), at("packed"));
  await train(at("packed"), at("packed-run"));
}, 120_000);
afterAll(() => rmSync(root, { recursive: true }));

const train = (data: string, run: string) =>
  trainModel({ data, model: "dlrm", modelOptions, engine: "reference", batch: 50, learningRate: 0.5, run });

async function packed(data: string, out: string): Promise<void> {
  const result = await profile({
    data: await openPrepared(data),
    width: 4,
    stateValues: 0,
    budgetBytes: 600,
    smallTableBytes: 0,
    workers: 1,
  });
  await writeProfile(at("profile"), result);
  await packData({ data, profile: at("profile"), out, workers: 1 });
}

/** Raw Criteo lines; some values are missing. */
function lines(count: number, seed = 5): string[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const label = random.below(2);
    const dense = Array.from({ length: 13 }, () => (random.below(5) === 0 ? "" : random.below(90)));
    const keys = Array.from({ length: 26 }, (_, t) => (t === 0 ? label * 7 + 1 : random.below(9)));
    const hex = keys.map((key, t) => (t === 3 && key === 0 ? "" : (0xfffffff0 + key).toString(16).slice(-8)));
    return `${[label, ...dense, ...hex].join("\t")}\n`;
  });
}

async function predict(options: Omit<PredictOptions, "write">) {
  let out = "";
  const write = (text: string) => {
    out += text;
  };
  const report = await predictScores({ ...options, write });
  const rows = out
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t").map(Number));
  return { report, numbers: rows.map(([number]) => number), scores: rows.map(([, score]) => score) };
}

const evaluated = async (model: string, data: string, split: "train" | "val" | "test") =>
  (await evaluateModel({ model, data, split, engine: "reference", batch: 64, threads: 0 })).evaluation.scores;

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++) expect(Math.abs(found[i] - expected[i])).toBeLessThan(1e-6);
}

test("a model opened from disk scores as a session does, whatever is kept in memory", async () => {
  const expected = await evaluated(at("run"), at("small"), "test");
  const data = await openPrepared(at("small"));
  using reader = openRows(toBatchSource(data, "test"), { batch: 160, tables: data.tables });
  const batch = reader.read(0, null);
  for (const cacheBytes of [0, 1000, 2 ** 20]) {
    await using model = await openModel(at("run"), { cacheBytes });
    expect(model.step).toBe(12);
    const [once, again] = await Promise.all([model.predict(batch), model.predict(batch)]);
    expectClose(once, expected);
    expect(again).toEqual(once);
  }
});

test("a run whose data set is gone still predicts", async () => {
  const data = writeSmallData(at("gone"));
  await train(data, at("gone-run"));
  rmSync(data, { recursive: true });
  await using model = await openModel(at("gone-run"));
  expect(model.layout).toMatchObject({ denseFeatures: 2, hotness: [1, 1, 1] });
});

test("where a damaged report hides the data set of a run, --data is asked for", async () => {
  cpSync(at("run"), at("broken-run"), { recursive: true });
  writeFileSync(at("broken-run", "report.json"), "{");
  await expect(predict({ model: at("broken-run"), from: "test" })).rejects.toMatchObject({
    code: "ERR_DATA",
    message: expect.stringMatching(/report\.json', which tells .* is not valid JSON\. Name .* --data\./),
  });
  expect((await predict({ model: at("broken-run"), from: "test", data: at("small") })).scores).toHaveLength(160);
});

test("--json without --out is refused before anything is printed but its one object", async () => {
  const io = captureIo();
  expect(await main(["predict", at("run"), at("small"), "--json"], io)).toBe(1);
  expect(JSON.parse(io.out())).toMatchObject({ error: { code: "ERR_CONFIG" } });
});

test("a model with sequences scores as a session does", async () => {
  const data = writeSmallData(at("series"), { steps: 4, denseFeatures: 1, inputs: { train: 100, test: 90 } });
  await trainModel({
    data,
    model: "tbsm",
    modelOptions: { width: 4 },
    engine: "reference",
    batch: 50,
    run: at("series-run"),
  });
  const { scores, report } = await predict({ model: at("series-run"), from: "test" });
  expectClose(scores, await evaluated(at("series-run"), data, "test"));
  expect(report).toMatchObject({ inputs: 90, step: 2, rejected: { lines: 0 } });
});

test("predict refuses ids that are no rows and arrays that do not fit", async () => {
  await using model = await openModel(at("run"));
  const predicts = (dense: number, ids: number[]) =>
    model.predict({ dense: new Float32Array(dense), ids: Int32Array.from(ids) });
  await expect(predicts(2, [40, 0, 0])).rejects.toThrow("has no row 40");
  await expect(predicts(3, [0, 0, 0])).rejects.toThrow("There are 3 dense values and 3 ids; an input has 2 and 3.");
  await expect(predicts(2, [0, 0])).rejects.toThrow("an input has 2 and 3");
  expect(await predicts(2, [-1, 0, 0])).toHaveLength(1);
  expect(await predicts(0, [])).toHaveLength(0);
});

test("raw lines are scored as the rows that prepare made of them", async () => {
  for (const [run, data] of [
    ["kaggle-run", "kaggle"],
    ["hashed-run", "hashed"],
    ["packed-run", "packed"],
  ] as const) {
    const { numbers, scores, report } = await predict({
      model: at(run),
      from: { format: "criteo-kaggle", text: at("train.txt") },
    });
    // Seven days of 100: six train, the first half of the last is test, the second validation.
    expectClose(scores.slice(0, 600), await evaluated(at(run), at(data), "train"));
    expectClose(scores.slice(600, 650), await evaluated(at(run), at(data), "test"));
    expectClose(scores.slice(650), await evaluated(at(run), at(data), "val"));
    expect(numbers).toEqual(Array.from({ length: 700 }, (_, i) => i + 1));
    expect(report).toMatchObject({ inputs: 700, unknownKeys: {}, rejected: { lines: 0 } });
  }
});

test("a damaged checkpoint gives no scores", async () => {
  cpSync(at("run"), at("damaged-run"), { recursive: true });
  const [step] = readdirSync(at("damaged-run", "model"));
  const file = at("damaged-run", "model", step, "table-0000.safetensors");
  const bytes = readFileSync(file);
  bytes[bytes.length - 1] ^= 1;
  writeFileSync(file, bytes);
  await expect(predict({ model: at("damaged-run"), from: "test" })).rejects.toThrow(
    "the digest of 'table-0000.safetensors' does not match",
  );
});

test("an empty log has no scores: nothing is printed but the summary", async () => {
  writeFileSync(at("empty.txt"), "");
  const io = captureIo();
  expect(await main(["predict", at("kaggle-run"), at("empty.txt"), "--format", "criteo-kaggle"], io)).toBe(0);
  expect(io.out()).toBe("");
  expect(io.err()).toContain("0 inputs");
});

test("splits are scored by row, packed and not", async () => {
  for (const [run, data] of [
    ["kaggle-run", "packed"],
    ["packed-run", "packed"],
    ["packed-run", "kaggle"],
  ] as const) {
    const { numbers, scores } = await predict({ model: at(run), from: "val", data: at(data) });
    expectClose(scores, await evaluated(at(run), at("kaggle"), "val"));
    expect(numbers[0]).toBe(0);
  }
});

test("an unknown key counts as a missing value, or as no row where none ever was", async () => {
  const line = lines(1)[0].trimEnd().split("\t");
  const scored = async (change: Record<number, string>) => {
    const text = `${line.map((field, i) => change[i] ?? field).join("\t")}\n`;
    return predict({ model: at("kaggle-run"), from: { format: "criteo-kaggle", text: chunks(text) } });
  };
  const missing = await scored({ 17: "" });
  const unknown = await scored({ 17: "12345678" });
  expect(unknown.scores).toEqual(missing.scores);
  expect(missing.report.unknownKeys).toEqual({});
  expect(unknown.report.unknownKeys).toEqual({ C4: 1 });
  const none = await scored({ 14: "12345678" });
  expect(none.report.unknownKeys).toEqual({ C1: 1 });
  const data = await openPrepared(at("kaggle")); // its first training row is this line
  using reader = openRows(toBatchSource(data, "train"), { batch: 1, tables: data.tables });
  const { dense, ids } = reader.read(0, null);
  ids[0] = -1;
  await using model = await openModel(at("kaggle-run"));
  expectClose(none.scores, await model.predict({ dense, ids }));
});

async function* chunks(text: string | Uint8Array, size = 97): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

test("gzip, streams, missing labels and a lost line end change no score", async () => {
  const text = lines(30, 6).join("");
  writeFileSync(at("day.gz"), gzipSync(text));
  const scoresOf = async (from: PredictOptions["from"]) => (await predict({ model: at("kaggle-run"), from })).scores;
  const format = "criteo-kaggle";
  const expected = await scoresOf({ format, text: at("day.gz") });
  expect(expected).toHaveLength(30);
  expect(await scoresOf({ format, text: chunks(text.trimEnd()) })).toEqual(expected);
  expect(await scoresOf({ format, text: chunks(text.replaceAll("\n", "\r\n"), 1000) })).toEqual(expected);
  writeFileSync(at("day-as-text.txt"), gzipSync(text));
  expect(await scoresOf({ format, text: at("day-as-text.txt") })).toEqual(expected);
  expect(await scoresOf({ format, text: chunks(gzipSync(text)) })).toEqual(expected);
  const cut = gzipSync(text).subarray(0, 200);
  await expect(scoresOf({ format, text: chunks(cut) })).rejects.toThrow(
    "The log cannot be read: unexpected end of file.",
  );
  const unlabelled = text.replaceAll(/^[01]\t/gm, "");
  expect(await scoresOf({ format, text: chunks(unlabelled), unlabelled: true })).toEqual(expected);
});

test("a header, and commas for tabs, change no score; a log of another kind is named before any score", async () => {
  const text = lines(30, 6).join("");
  const format = "criteo-kaggle";
  const scored = (log: string, unlabelled = false) =>
    predict({ model: at("kaggle-run"), from: { format, text: chunks(log, 1000), unlabelled } });
  const { scores } = await scored(text);
  const names = ["label", ...Array.from({ length: 39 }, (_, i) => `f${i}`)].join("\t");
  const withNames = await scored(`${names}\n${text}`);
  expect(withNames.scores).toEqual(scores);
  expect(withNames.numbers[0]).toBe(2);
  const commas = await scored(`${names}\n${text}`.replaceAll("\t", ","));
  expect(commas.scores).toEqual(scores);
  expect(commas.report.rejected.lines).toBe(0);
  const unlabelled = text.replaceAll(/^[01]\t/gm, "");
  expect((await scored(`${names.slice(6)}\n${unlabelled}`, true)).scores).toEqual(scores);
  await expect(scored(unlabelled)).rejects.toThrow(/^The log has no labels, as a test file: .*--unlabelled$/);
  await expect(scored(text, true)).rejects.toThrow("The log has labels: 40 fields a line. Leave --unlabelled out.");
  await expect(scored("<!DOCTYPE html>\n")).rejects.toThrow("The log is an HTML or XML page");
  await expect(scored(text.replaceAll("\t", ";"))).rejects.toThrow(/has semicolons .* Convert it: tr ';' '\\t'$/);
  writeFileSync(at("log.zip"), "PK\x03\x04 and so on");
  const zip = predict({ model: at("kaggle-run"), from: { format, text: at("log.zip") } });
  await expect(zip).rejects.toThrow(/log.zip' is a zip archive.*unzip /);
});

test("a first line that has arrived is scored before the next one comes", async () => {
  const [first, second] = lines(2, 9);
  const seen: string[] = [];
  async function* slowly() {
    yield Buffer.from(first.slice(0, 20));
    yield Buffer.from(first.slice(20));
    expect(seen).toHaveLength(1);
    yield Buffer.from(second);
  }
  const from = { format: "criteo-kaggle", text: slowly() } as const;
  await predictScores({ model: at("kaggle-run"), from, write: (scores) => void seen.push(scores) });
  expect(seen.map((scores) => scores.split("\t")[0])).toEqual(["1", "2"]);
});

test("malformed lines get no score, are counted, and are refused when they are many", async () => {
  const good = lines(3, 7);
  const text = [good[0], "1\tbroken\n", good[1], "\n", good[2]].join("");
  const from = { format: "criteo-kaggle", text: at("broken.txt") } as const;
  writeFileSync(from.text, text);
  const { numbers, report } = await predict({ model: at("kaggle-run"), from: { ...from, maxRejects: 0.5 } });
  expect(numbers).toEqual([1, 3, 5]);
  expect(report.rejected).toMatchObject({
    lines: 2,
    byReason: { "too-few-fields": 1, "empty-line": 1 },
    first: [{ line: 2, reason: "too-few-fields" }, { line: 4 }],
  });
  await expect(predict({ model: at("kaggle-run"), from })).rejects.toThrow(
    "2 of 5 lines were rejected: line 2: too-few-fields",
  );
});

test("says why raw lines cannot be scored", async () => {
  const scored = (model: string, format: RawFormatName, text: string) =>
    predict({ model: at(model), from: { format, text: at(text) } });
  await expect(scored("kaggle-run", "taobao", "train.txt")).rejects.toThrow("one action of a user, not an input");
  await expect(scored("run", "criteo-kaggle", "train.txt")).rejects.toThrow("has no keys of table 't0'");
  for (const other of ["avazu", "criteo-terabyte"] as const)
    await expect(scored("kaggle-run", other, "train.txt")).rejects.toThrow(
      `The model was trained on criteo-kaggle: keys of ${other} mean nothing to it.`,
    );
  await expect(scored("kaggle-run", "criteo-kaggle", "nothing.txt")).rejects.toThrow("nothing.txt' cannot be read");
  await expect(predict({ model: at("run"), from: "test", data: at("kaggle") })).rejects.toThrow(
    "the ids are of custom, expected criteo-kaggle",
  );
});

test("fae predict writes a file whole or not at all, or streams to stdout", async () => {
  const fae = async (...args: string[]) => {
    const io = captureIo();
    const code = await main(["predict", ...args], io);
    return { code, out: io.out(), err: io.err() };
  };
  mkdirSync(at("scores"));
  const out = at("scores", "test.tsv");
  const toFile = await fae(at("run"), at("small"), "--out", out);
  expect(toFile).toMatchObject({ code: 0, err: "" });
  expect(toFile.out).toContain("160 inputs");
  const toStdout = await fae(at("run"), at("small"));
  expect(toStdout.out).toBe(readFileSync(out, "utf8"));
  expect(toStdout.err).toContain("160 inputs");
  expect(await fae(at("run"), at("small"), "--out", out)).toMatchObject({ code: 1 });
  const broken = at("scores", "broken.tsv");
  expect(await fae(at("kaggle-run"), at("broken.txt"), "--format", "criteo-kaggle", "--out", broken)).toMatchObject({
    code: 1,
  });
  expect(readdirSync(at("scores"))).toEqual(["test.tsv"]);
});
