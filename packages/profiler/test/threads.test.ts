import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsup";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as source from "../src/index.js";
import { prepared } from "./prepared.js";

/** The package as it is published, with real worker threads, must give what its source gives in one thread. */
describe("threads", () => {
  const root = mkdtempSync(join(tmpdir(), "fae-threads-"));
  afterAll(() => rmSync(root, { recursive: true }));
  let built: typeof source;

  beforeAll(async () => {
    const src = fileURLToPath(new URL("../src/", import.meta.url));
    await build({
      entry: { index: join(src, "index.ts"), worker: join(src, "worker.ts") },
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
    built = await import(/* @vite-ignore */ join(root, "dist/index.js"));
  }, 60_000);

  const data = prepared(join(root, "data"), {
    inputs: 30_000,
    tables: [{ rows: 30 }, { rows: 40_000 }, { rows: 3000, hotness: 2 }, { rows: 120_000 }],
    missing: 0.05,
  });
  const train = {
    layout: data.layout,
    rows: 30_000,
    storage: { kind: "file", path: join(root, "data/train.rows") },
  } as const;

  it("profile to the same result", async () => {
    for (const method of ["exact", "sampled"] as const) {
      const options = { data, width: 4, stateValues: 1, budgetBytes: 2 ** 17, smallTableBytes: 1024, method };
      const [one, three] = [await source.profile(options), await built.profile({ ...options, workers: 3 })];
      expect({ ...three.profile, seconds: null }).toEqual({ ...one.profile, seconds: null });
      expect(three.counts.map((table) => [...table])).toEqual(one.counts.map((table) => [...table]));
    }
  });

  it("classify to the same bits", async () => {
    const options = { source: train, tables: data.tables, hotRows: [30, 20_000, 2000, 90_000], wantsBits: true };
    const [one, three] = [await source.classifyInputs(options), await built.classifyInputs({ ...options, workers: 3 })];
    expect(three.hot).toBe(one.hot);
    expect(three.hot).toBeGreaterThan(100);
    expect([...(three.hotBits ?? [])]).toEqual([...(one.hotBits ?? [])]);
  });

  it("share a signal without a warning, twelve of them", async () => {
    const warnings: string[] = [];
    const note = (warning: Error) => warnings.push(warning.name);
    process.on("warning", note);
    const { signal } = new AbortController();
    const hotRows = [30, 20_000, 2000, 90_000];
    await built.classifyInputs({ source: train, tables: data.tables, hotRows, workers: 12, signal });
    await new Promise((resume) => setImmediate(resume));
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });

  it("hand errors over, and stop on abort", async () => {
    const tables = data.tables.map((table) => ({ ...table, rows: 20 }));
    await expect(built.countAccesses(train, { tables, workers: 2 })).rejects.toMatchObject({
      code: "ERR_DATA",
      fix: expect.stringContaining("Prepare"),
      details: { rows: 20 },
    });
    const controller = new AbortController();
    const work = built.countAccesses(train, { tables: data.tables, workers: 2, signal: controller.signal });
    controller.abort();
    await expect(work).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
  });
});
