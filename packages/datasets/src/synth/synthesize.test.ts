import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { strideWords } from "@fae/core";
import { afterAll, describe, expect, it } from "vitest";
import { openPrepared, readManifest } from "../open-prepared.js";
import { prepare } from "../prepare/prepare.js";
import { rawFormats } from "../raw-formats.js";
import type { SynthOptions, SynthReport } from "./options.js";
import { synthesize } from "./synthesize.js";

const root = mkdtempSync(join(tmpdir(), "fae-synth-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let made = 0;
function synth(options: Omit<SynthOptions, "directory">): Promise<SynthReport> {
  return synthesize({ ...options, directory: join(root, String(made++)) });
}

/** All files of a directory, by path. */
const filesOf = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(directory.length), readFileSync(path).toString("base64")]),
  );

const words = (path: string): Int32Array => {
  const bytes = readFileSync(path);
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
};

const sources = ["criteo-kaggle", "criteo-terabyte", "avazu", "taobao"] as const;

describe("synthesize", () => {
  for (const source of sources) {
    it(`gives a prepared data set that opens and whose ids are in range (${source})`, async () => {
      const report = await synth({ source, format: "prepared", rows: 2000, scale: 0.001, seed: 3 });
      const data = await openPrepared(report.directory);
      const manifest = await readManifest(report.directory);
      const { layout, tables, splits } = data;
      const steps = Math.max(1, layout.steps);
      let [inputs, positives, wrong] = [0, 0, 0];
      for (const name of ["train", "val", "test"] as const) {
        const file = words(splits[name]?.path ?? "");
        inputs += file.length / strideWords(layout);
        for (let at = 0; at < file.length; at += strideWords(layout)) {
          positives += file[at];
          for (let step = 0; step < steps; step++) {
            const ids = at + 1 + step * (layout.denseFeatures + tables.length) + layout.denseFeatures;
            for (let t = 0; t < tables.length; t++) {
              if (file[ids + t] < 0 || file[ids + t] >= tables[t].rows) wrong++;
            }
          }
        }
      }
      expect(wrong).toBe(0);
      expect(inputs).toBe(2000);
      expect(data.labelRate).toBeCloseTo(positives / inputs, 12);
      expect(manifest.tables.every(({ vocabulary }) => vocabulary !== null)).toBe(true);
      expect(report.tables).toEqual(data.tables);
    });
  }

  it("cuts the days in one part train, the last one in halves", async () => {
    const { directory } = await synth({ source: "criteo-kaggle", format: "prepared", rows: 703, scale: 0.001 });
    const { splits } = await openPrepared(directory);
    expect([splits.train?.rows, splits.test?.rows, splits.val?.rows]).toEqual([603, 50, 50]);
    const avazu = await openPrepared(
      (await synth({ source: "avazu", format: "prepared", rows: 703, scale: 0.001 })).directory,
    );
    expect([avazu.splits.train?.rows, avazu.splits.test?.rows, avazu.splits.val?.rows]).toEqual([562, 71, 70]);
  });

  it("has the label rate and the teacher of the real log", async () => {
    for (const [source, rate, auc] of [
      ["criteo-kaggle", 0.2564, 0.8],
      ["criteo-terabyte", 0.0325, 0.8],
      ["avazu", 0.16981, 0.76],
    ] as const) {
      const { directory, teacher } = await synth({
        source,
        format: "prepared",
        rows: 50_000,
        scale: 0.01,
        vocabulary: false,
      });
      const { labelRate } = await openPrepared(directory);
      expect(Math.abs(labelRate - rate), source).toBeLessThan(0.008);
      expect(Math.abs((teacher?.train.auc ?? 0) - auc), source).toBeLessThan(0.02);
      const constant = -(rate * Math.log(rate) + (1 - rate) * Math.log(1 - rate));
      expect(teacher?.train.logLoss ?? 1, source).toBeLessThan(0.95 * constant);
    }
    const fewer = await synth({
      source: "criteo-terabyte",
      format: "prepared",
      rows: 20_000,
      scale: 0.01,
      labelRate: 0.21,
    });
    expect(Math.abs((await openPrepared(fewer.directory)).labelRate - 0.21)).toBeLessThan(0.01);
  });

  it("makes raw logs that prepare reads without a reject, with the same inputs as the prepared format", async () => {
    for (const source of ["criteo-kaggle", "criteo-terabyte", "avazu"] as const) {
      const options = { source, rows: 2000, scale: 0.001, seed: 9 };
      const raw = await synth({ ...options, format: "raw", gzip: source !== "avazu" });
      const direct = await synth({ ...options, format: "prepared" });
      const directory = join(root, String(made++));
      await prepare({ format: source, files: [raw.directory], directory, maxRejects: 0 });
      const [a, b] = [await openPrepared(directory), await openPrepared(direct.directory)];
      const keys = async (at: string) =>
        (await readManifest(at)).tables.map(({ vocabulary }) => words(join(at, vocabulary?.file ?? "")));
      const [keysA, keysB] = [await keys(directory), await keys(direct.directory)];
      const stride = strideWords(a.layout);
      expect(a.layout).toEqual(b.layout);
      for (const name of ["train", "val", "test"] as const) {
        const [x, y] = [words(a.splits[name]?.path ?? ""), words(b.splits[name]?.path ?? "")];
        expect(x.length).toBe(y.length);
        let different = 0;
        for (let at = 0; at < x.length; at++) {
          const t = (at % stride) - 1 - a.layout.denseFeatures;
          if (t < 0 ? x[at] !== y[at] : keysA[t][x[at]] !== keysB[t][y[at]]) different++;
        }
        expect(different, `${source} ${name}`).toBe(0);
      }
      expect(raw.teacher).toEqual(direct.teacher);
    }
  });

  it("makes a raw Taobao log that prepare turns into series", async () => {
    const raw = await synth({ source: "taobao", format: "raw", rows: 60_000, seed: 4 });
    const lines = readFileSync(join(raw.directory, "UserBehavior.csv"), "latin1").trimEnd().split("\n");
    expect(lines.length).toBe(60_000);
    const users = lines.map((line) => line.slice(0, line.indexOf(",")));
    const order = users.filter((user, i) => user !== users[i - 1]);
    expect(order).toEqual([...order].sort());
    expect(new Set(order).size).toBe(order.length);
    const share = (action: string) => lines.filter((line) => line.includes(`,${action},`)).length / lines.length;
    expect(Math.abs(share("pv") - 0.896)).toBeLessThan(0.01);
    expect(Math.abs(share("buy") - 0.02)).toBeLessThan(0.005);
    const directory = join(root, String(made++));
    await prepare({ format: "taobao", files: [raw.directory], directory, maxRejects: 0 });
    const data = await openPrepared(directory);
    expect(data.splits.train?.rows).toBeGreaterThan(1000);
  });

  it("gives the bytes of earlier releases", async () => {
    const digests: Record<string, string> = {};
    for (const source of sources) {
      for (const format of ["raw", "prepared"] as const) {
        const { directory } = await synth({
          source,
          format,
          rows: 300,
          seed: 1,
          ...(format === "raw" ? {} : { vocabulary: false }),
        });
        const hash = createHash("sha256");
        for (const [path, bytes] of Object.entries(filesOf(directory)).sort())
          if (!path.endsWith(".json")) hash.update(bytes);
        digests[`${source} ${format}`] = hash.digest("hex").slice(0, 16);
      }
    }
    expect(digests).toMatchInlineSnapshot(`
      {
        "avazu prepared": "cf41efcb60de3a2f",
        "avazu raw": "7d3fdb6aba325588",
        "criteo-kaggle prepared": "3d1edd2b32969fa8",
        "criteo-kaggle raw": "80bdaa042d822d5a",
        "criteo-terabyte prepared": "209e69ca383b0bbd",
        "criteo-terabyte raw": "d282724fb7634b04",
        "taobao prepared": "40c07346906ca206",
        "taobao raw": "4f612a32f50a4894",
      }
    `);
  });

  it("writes the same bytes again, and other bytes for another seed", async () => {
    for (const [source, format] of [
      ["avazu", "raw"],
      ["taobao", "prepared"],
    ] as const) {
      const options = { source, format, rows: 2000, scale: 0.001 };
      const [a, b, c] = [await synth(options), await synth(options), await synth({ ...options, seed: 1 })];
      expect(filesOf(a.directory)).toEqual(filesOf(b.directory));
      expect(filesOf(a.directory)).not.toEqual(filesOf(c.directory));
    }
  });

  it("compresses to the same text, in members that any reader joins", async () => {
    const options = { source: "avazu", format: "raw", rows: 9000, scale: 0.01 } as const;
    const [plain, zipped] = [await synth(options), await synth({ ...options, gzip: true })];
    const text = gunzipSync(readFileSync(join(zipped.directory, "train.csv.gz")));
    expect(text.equals(readFileSync(join(plain.directory, "train.csv")))).toBe(true);
    expect(text.subarray(0, 100).toString()).toContain(rawFormats.avazu.header?.slice(0, 80));
  });

  it("leaves nothing when it is interrupted, and does not touch what exists", async () => {
    const directory = join(root, "interrupted");
    const stop = new AbortController();
    const options = { source: "criteo-kaggle", format: "raw", rows: 100_000, directory, scale: 0.01 } as const;
    const work = synthesize({ ...options, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(work).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
    expect(existsSync(directory) || existsSync(`${directory}.partial`)).toBe(false);
    await expect(synthesize({ ...options, directory: root })).rejects.toThrow("exists already");
  });

  it("reports progress up to all inputs", async () => {
    let last = 0;
    await synth({
      source: "avazu",
      format: "raw",
      rows: 20_000,
      scale: 0.01,
      onProgress: ({ inputsDone, inputsTotal, stage, inputsPerSecond }) => {
        expect(inputsDone).toBeGreaterThan(last);
        expect([inputsTotal, stage]).toEqual([20_000, "write"]);
        expect(inputsPerSecond).toBeGreaterThan(0);
        last = inputsDone;
      },
    });
    expect(last).toBe(20_000);
  });

  it("refuses options that cannot be met, naming them", async () => {
    const good = { source: "criteo-kaggle", format: "prepared", rows: 1000 } as const;
    const bad: [Partial<SynthOptions>, string][] = [
      [{ rows: 3 }, "rows"],
      [{ scale: 0 }, "scale"],
      [{ scale: 2 }, "scale"],
      [{ drift: 0.5 }, "drift"],
      [{ source: "avazu", calibration: "paper" }, "calibration"],
      [{ source: "avazu", days: 3 }, "days"],
      [{ gzip: true }, "gzip"],
      [{ format: "raw", vocabulary: true }, "vocabulary"],
      [{ source: "taobao", labelRate: 0.2 }, "labelRate"],
      [{ source: "taobao", drift: 0.02 }, "drift"],
      [{ source: "taobao", rows: 50_000_000 }, "rows"],
      [{ seed: -1 }, "seed"],
      [{ labelRate: 1 }, "labelRate"],
    ];
    for (const [options, name] of bad) {
      await expect(synth({ ...good, ...options })).rejects.toMatchObject({
        code: "ERR_CONFIG",
        details: { option: name },
      });
    }
  });
});
