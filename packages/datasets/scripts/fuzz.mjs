/**
 * Fuzzes the parsers: `node packages/datasets/scripts/fuzz.mjs [--seconds 1800] [--format avazu] [--seed 1]`; every format in
 * turn when none is named, each for the given time. Exits with 1 at the first difference from the oracle.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build } from "tsup";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    format: { type: "string" },
    seed: { type: "string", default: "1" },
  },
});
const root = join(import.meta.dirname, "..");
const outDir = join(root, "node_modules/.cache/fuzz");
await build({
  config: false,
  entry: { fuzz: join(root, "test/support/fuzz.ts") },
  outDir,
  format: ["esm"],
  target: "node20",
  silent: true,
  noExternal: [/.*/],
  esbuildOptions(options) {
    options.conditions = ["@fae/source", "node", "import"];
    options.outExtension = { ".js": ".mjs" };
  },
});
const { fuzz } = await import(pathToFileURL(join(outDir, "fuzz.mjs")).href);

const formats = values.format ? [values.format] : ["criteo-kaggle", "criteo-terabyte", "avazu", "taobao"];
for (const format of formats) {
  // Kept after a failure: it then holds the log at fault.
  const directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), `fae-fuzz-${format}-`));
  const report = await fuzz({ format, seconds: Number(values.seconds), seed: Number(values.seed), directory });
  rmSync(directory, { recursive: true });
  console.log(format, JSON.stringify(report));
}
