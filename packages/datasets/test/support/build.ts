import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "tsup";
import type * as Package from "../../src/index.js";

/**
 * Bundles this package as it is published, worker entry and all, with its dependencies inside: what runs in worker threads
 * cannot be tested from source.
 * @returns the package, and the path of its bundle for use in a child process.
 */
export async function builtPackage(directory: string): Promise<{ path: string; api: typeof Package }> {
  const source = join(import.meta.dirname, "../../src");
  await build({
    config: false,
    entry: { index: join(source, "index.ts"), worker: join(source, "prepare/worker.ts") },
    outDir: directory,
    format: ["esm"],
    target: "node20",
    dts: false,
    clean: false,
    silent: true,
    noExternal: [/.*/],
    esbuildOptions(options) {
      options.conditions = ["@fae/source", "node", "import"];
    },
  });
  const path = join(directory, "index.js");
  return { path, api: (await import(pathToFileURL(path).href)) as typeof Package };
}
