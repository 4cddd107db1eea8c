import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "tsup";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SynthOptions, SynthReport } from "./options.js";

/** Inside the package, so that the bundle finds the package's dependencies. */
const root = mkdtempSync(fileURLToPath(new URL("../../node_modules/.synth-threads-", import.meta.url)));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let synthesize: (options: SynthOptions) => Promise<SynthReport>;
beforeAll(async () => {
  const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  await build({
    config: false,
    silent: true,
    entry: { index: source("./synthesize.ts"), worker: source("../prepare/worker.ts") },
    format: ["esm"],
    target: "node20",
    outDir: join(root, "dist"),
    noExternal: ["@fae/core"],
    esbuildOptions: (options) => {
      options.conditions = ["@fae/source"];
    },
  });
  ({ synthesize } = await import(pathToFileURL(join(root, "dist/index.js")).href));
});

function digestOf(directory: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(directory).sort()) {
    if (!name.includes(".")) continue;
    hash.update(name).update(readFileSync(join(directory, name)));
  }
  return hash.digest("hex");
}

describe("worker threads of the bundled package", () => {
  it("write the same bytes, one or two of them", async () => {
    for (const [source, format, rows] of [
      ["criteo-kaggle", "raw", 50_000],
      ["criteo-terabyte", "prepared", 30_000],
      ["taobao", "raw", 60_000],
      ["taobao", "prepared", 8_000],
    ] as const) {
      const digests: string[] = [];
      for (const workers of [1, 2]) {
        const directory = join(root, `${source}-${format}-${workers}`);
        const report = await synthesize({
          source,
          format,
          rows,
          directory,
          scale: 0.01,
          workers,
          ...(format === "prepared" ? { vocabulary: false } : {}),
        });
        expect(report.workers).toBe(workers);
        digests.push(digestOf(directory));
      }
      expect(digests[0], `${source} ${format}`).toBe(digests[1]);
    }
  });
});
