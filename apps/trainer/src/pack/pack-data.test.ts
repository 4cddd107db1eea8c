import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strideWords } from "@fae/core";
import { openPrepared } from "@fae/datasets";
import { profile, writeProfile } from "@fae/profiler";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type SmallData, writeSmallData } from "../test-data.js";
import { packData } from "./pack-data.js";
import { chunkInputs } from "./relabel.js";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-pack-"));
});
afterAll(() => rmSync(root, { recursive: true }));
const at = (...parts: string[]): string => join(root, ...parts);

async function profiled(name: string, given: Partial<SmallData>, budgetBytes: number): Promise<string> {
  const data = await openPrepared(writeSmallData(at(name), given));
  await writeProfile(
    at(`${name}-profile`),
    await profile({ data, width: 4, stateValues: 0, budgetBytes, smallTableBytes: 128 }),
  );
  return data.directory;
}
const words = (path: string): Int32Array => new Int32Array(new Uint8Array(readFileSync(path)).buffer);
const inputsOf = (values: Int32Array, stride: number): string[] =>
  Array.from({ length: values.length / stride }, (_, i) => values.subarray(i * stride, (i + 1) * stride).join());

/** A packed file's inputs with old ids again. */
function unpacked(directory: string, split: string, { denseFeatures, steps, tables }: SmallData): Int32Array {
  const original = tables.map((_, t) => words(join(directory, "original", `t${t}.u32`)));
  const values = words(join(directory, `${split}.rows`));
  const stepWords = denseFeatures + tables.length;
  return values.map((word, i) => {
    const inInput = i % (1 + Math.max(1, steps) * stepWords);
    const inStep = inInput === 0 ? -1 : (inInput - 1) % stepWords;
    return inStep >= denseFeatures ? original[inStep - denseFeatures][word] : word;
  });
}

const cases: [string, Partial<SmallData>][] = [
  ["plain", {}],
  ["steps", { steps: 3, tables: [50, 9], inputs: { train: 300, val: 10 } }],
  ["chunks", { inputs: { train: 2 * chunkInputs + 100, test: 50 } }],
];
test.each(cases)("pack keeps every input and its order: %s", async (name, given) => {
  const shape = { tables: [40, 7, 3], denseFeatures: 2, steps: 0, inputs: { train: 600 }, seed: 1, ...given };
  const data = await profiled(name, given, 20 * 16);
  const report = await packData({ data, profile: at(`${name}-profile`), out: at(`${name}-packed`) });
  const packed = await openPrepared(at(`${name}-packed`));
  const stride = strideWords(packed.layout);
  for (const split of Object.keys(shape.inputs)) {
    expect(unpacked(packed.directory, split, shape)).toEqual(words(join(data, `${split}.rows`)));
  }
  const train = inputsOf(words(join(packed.directory, "train.rows")), stride);
  const isHot = (input: string): boolean => {
    const values = input.split(",").map(Number);
    const stepWords = shape.denseFeatures + shape.tables.length;
    return values.every((word, i) => {
      const t = ((i - 1) % stepWords) - shape.denseFeatures;
      return i === 0 || t < 0 || word < report.hotRows[t];
    });
  };
  expect(inputsOf(words(join(packed.directory, "hot.rows")), stride)).toEqual(train.filter(isHot));
  expect(inputsOf(words(join(packed.directory, "cold.rows")), stride)).toEqual(train.filter((input) => !isHot(input)));
  expect(report.hotInputs).toBe(packed.splits.hot?.rows);
  expect(report.hotInputs).toBeGreaterThan(0);
  expect(report.coldInputs).toBeGreaterThan(0);
  expect(report.hotRows.reduce((sum, n) => sum + n, 0) * 16).toBeLessThanOrEqual(20 * 16);
  expect(packed.packed?.from).toBe((await openPrepared(data)).digest);
});

test("id 0 is the most accessed row", async () => {
  await profiled("popular", {}, 320);
  await packData({ data: at("popular"), profile: at("popular-profile", "profile.json"), out: at("popular-packed") });
  const stride = 1 + 2 + 3;
  const counts = new Array(40).fill(0);
  words(at("popular-packed", "train.rows")).forEach((word, i) => {
    if (i % stride === 3) counts[word]++;
  });
  expect(counts).toEqual([...counts].sort((a, b) => b - a));
});

test("an interrupted pack goes on, and its bytes are those of one that was not", async () => {
  const data = await profiled("long", { inputs: { train: 5 * chunkInputs, test: 100 } }, 320);
  const profileDirectory = at("long-profile");
  await packData({ data, profile: profileDirectory, out: at("long-whole") });
  const controller = new AbortController();
  const stopped = packData({
    data,
    profile: profileDirectory,
    out: at("long-packed"),
    signal: controller.signal,
    onProgress: (done) => {
      const slow = performance.now() + 60;
      while (performance.now() < slow); // a slice of the event loop per chunk, so that the abort is seen
      if (done >= 2 * chunkInputs) controller.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({
    code: "ERR_INTERRUPTED",
    message: expect.stringContaining("go on from"),
  });
  expect(existsSync(at("long-packed"))).toBe(false);
  const seen: number[] = [];
  await packData({ data, profile: profileDirectory, out: at("long-packed"), onProgress: (done) => seen.push(done) });
  expect(seen[0]).toBeGreaterThan(2 * chunkInputs);
  for (const file of ["train.rows", "hot.rows", "cold.rows", "test.rows", "manifest.json", "original/t0.u32"]) {
    expect(readFileSync(at("long-packed", file)).equals(readFileSync(at("long-whole", file)))).toBe(true);
  }
  expect(readdirSync(at("long-packed")).sort()).toEqual(readdirSync(at("long-whole")).sort());
});

test("refuses a profile of other data, packed data and a name that is taken", async () => {
  await profiled("one", {}, 320);
  await profiled("two", { seed: 2 }, 320);
  const pack = (data: string, profileName: string, out: string) =>
    packData({ data: at(data), profile: at(profileName), out: at(out) });
  await expect(pack("one", "two-profile", "mixed-up")).rejects.toThrow("The profile was made from data");
  await expect(pack("one", "one", "no-profile")).rejects.toThrow("holds no profile");
  await expect(pack("one", "one-profile", "two")).rejects.toThrow("already exists");
  await pack("one", "one-profile", "one-packed");
  await expect(pack("one-packed", "one-profile", "twice")).rejects.toThrow("is packed already");
  for (const out of ["mixed-up", "no-profile", "twice"]) {
    expect(existsSync(at(out)) || existsSync(at(`${out}.partial`))).toBe(false);
  }
});

test("an id outside its table is named, and nothing is left", async () => {
  await profiled("broken", {}, 320);
  const rows = readFileSync(at("broken", "val.rows"));
  rows.writeInt32LE(40, 4 * (6 * 17 + 3));
  writeFileSync(at("broken", "val.rows"), rows);
  const packing = packData({ data: at("broken"), profile: at("broken-profile"), out: at("broken-packed") });
  await expect(packing).rejects.toThrow(/id 40 of table 't0' in input 17/);
  expect(existsSync(at("broken-packed.partial"))).toBe(false);
});

test("an interrupted pack of something else is not mixed with this one", async () => {
  await profiled("base", {}, 320);
  mkdirSync(at("base-packed.partial", "work"), { recursive: true });
  writeFileSync(at("base-packed.partial", "work", "plan.json"), JSON.stringify({ key: "other" }));
  const packing = packData({ data: at("base"), profile: at("base-profile"), out: at("base-packed") });
  await expect(packing).rejects.toThrow("interrupted pack of other data");
});

test("vocabularies follow the new order", async () => {
  const data = await profiled("vocabulary", {}, 320);
  const copy = at("vocabulary-with");
  cpSync(data, copy, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(copy, "manifest.json"), "utf8"));
  manifest.tables[1].vocabulary = { file: "vocab/t1.i32", keys: "decimal" };
  writeFileSync(join(copy, "manifest.json"), JSON.stringify(manifest));
  mkdirSync(join(copy, "vocab"));
  const keys = Int32Array.from({ length: 7 }, (_, id) => 100 + id);
  writeFileSync(join(copy, "vocab", "t1.i32"), keys);
  const opened = await openPrepared(copy);
  await writeProfile(
    at("with-profile"),
    await profile({ data: opened, width: 4, stateValues: 0, budgetBytes: 320, smallTableBytes: 0 }),
  );
  await packData({ data: copy, profile: at("with-profile"), out: at("with-packed") });
  const original = words(at("with-packed", "original", "t1.u32"));
  expect(words(at("with-packed", "vocab", "t1.i32"))).toEqual(original.map((id) => keys[id]));
});
