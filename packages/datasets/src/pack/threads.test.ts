import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Random } from "@fae/core";
import { build } from "tsup";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { manifestVersion, writeManifest } from "../manifest.js";
import { openPrepared } from "../open-prepared.js";
import { pack } from "./pack.js";

/** The package as it is published, with real worker threads, must pack to the same bytes, killed or not. */
describe("packing in threads", () => {
  const root = mkdtempSync(join(tmpdir(), "fae-pack-threads-"));
  afterAll(() => rmSync(root, { recursive: true }));
  const module = join(root, "dist/index.js");
  const source = join(root, "data");
  const rows = [50, 2000];
  const inputs = 40_000;
  const random = new Random(8);
  const counts = rows.map((count) => Uint32Array.from({ length: count }, () => random.below(20)));
  const hotRows = [30, 500];
  const shared = { hotRows, budgetBytes: 10_000, rowBytes: 4 };

  beforeAll(async () => {
    const src = fileURLToPath(new URL("../", import.meta.url));
    await build({
      entry: { index: join(src, "index.ts"), worker: join(src, "prepare/worker.ts") },
      config: false,
      outDir: join(root, "dist"),
      format: ["esm"],
      outExtension: () => ({ js: ".js" }),
      noExternal: [/.*/],
      silent: true,
      esbuildOptions: (options) => {
        options.conditions = ["@fae/source"];
      },
    });
    mkdirSync(source);
    const words = new Int32Array(inputs * 3);
    for (let at = 0; at < words.length; at += 3) {
      words[at] = random.below(2);
      rows.forEach((count, t) => {
        words[at + 1 + t] = Math.floor(count * random.next() ** 2);
      });
    }
    writeFileSync(join(source, "train.rows"), words);
    writeFileSync(join(root, "counts.json"), JSON.stringify(counts.map((table) => [...table])));
    const positives = words.reduce((sum, word, at) => sum + (at % 3 === 0 ? word : 0), 0);
    writeManifest(source, {
      format: "fae-prepared",
      version: manifestVersion,
      source: "custom",
      sources: [],
      layout: { denseFeatures: 0, denseEncoding: "float32", steps: 0, hotness: [1, 1] },
      tables: rows.map((count, t) => ({ name: `t${t}`, rows: count, vocabulary: null })),
      splits: { train: { file: "train.rows", rows: inputs, positives } },
      labelRate: 0.5,
      lines: { total: 0, crlf: 0, rejected: 0, byReason: {}, file: null },
      options: {},
    });
  }, 60_000);

  /** Packs in a process of its own; kills it at its n-th report of progress. */
  function packElsewhere(directory: string, killAt: number): Promise<string> {
    const script = `
      import { readFileSync } from "node:fs";
      import { openPrepared, pack } from ${JSON.stringify(module)};
      const data = await openPrepared(${JSON.stringify(source)});
      const counts = JSON.parse(readFileSync(${JSON.stringify(join(root, "counts.json"))})).map((o) => Uint32Array.from(o));
      await pack({ ...${JSON.stringify(shared)}, data, counts: async () => counts, madeFrom: data.digest, workers: 2, partBytes: 12000,
        directory: ${JSON.stringify(directory)}, onProgress: () => process.stdout.write("x") });`;
    const file = join(root, "pack.mjs");
    writeFileSync(file, script);
    const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "pipe"] });
    let seen = 0;
    let complaint = "";
    child.stdout.on("data", (text: Buffer) => {
      seen += text.length;
      if (seen >= killAt) child.kill("SIGKILL");
    });
    child.stderr.on("data", (text: Buffer) => {
      complaint += text;
    });
    return new Promise((resolve) => child.on("exit", (code, signal) => resolve(signal ?? `${code}${complaint}`)));
  }

  const contents = (directory: string) =>
    Object.fromEntries(
      readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name)).toString("base64")]),
    );

  it("gives the bytes of one thread, and of a process that was killed and resumed", async () => {
    const data = await openPrepared(source);
    const copies = async () => counts.map((table) => table.slice());
    const here = (directory: string) =>
      pack({ ...shared, data, counts: copies, madeFrom: data.digest, directory, workers: 1 });
    const expected = contents((await here(join(root, "here"))).directory);
    expect(await packElsewhere(join(root, "threads"), Number.POSITIVE_INFINITY)).toBe("0");
    expect(contents(join(root, "threads"))).toEqual(expected);
    for (const killAt of [5, 30, 60]) {
      const directory = join(root, `killed-${killAt}`);
      expect(await packElsewhere(directory, killAt)).toBe("SIGKILL");
      expect(contents((await here(directory)).directory)).toEqual(expected);
    }
  });
});
