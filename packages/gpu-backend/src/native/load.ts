import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FaeError } from "@fae/core";
import { abiVersion, type NativeBinding } from "./binding.js";

export type NativeName = "cpu" | "cuda";

const packages: Readonly<Record<NativeName, string>> = {
  cpu: `@fae/native-${process.platform}-${process.arch}`,
  cuda: `@fae/native-${process.platform}-${process.arch}-cuda13`,
};

/**
 * Loads a native engine's addon: a local build of this package first (who builds wants what was built), then the prebuilt
 * platform package.
 * @throws FaeError ERR_NATIVE_MISSING listing what was tried and how to get it.
 */
export function loadNative(name: NativeName): NativeBinding {
  const require = createRequire(import.meta.url);
  const tried: string[] = [];
  for (const [from, path] of [
    ["local build", join(packageRoot(), "build", `fae-${name}.node`)],
    ["platform package", packageFile(require, name)],
  ] as const) {
    if (path === null || !existsSync(path)) {
      tried.push(`${from} ${path ?? packages[name]}: not found`);
      continue;
    }
    try {
      const binding = require(path) as NativeBinding;
      if (binding.abi === abiVersion) return binding;
      tried.push(`${from} ${path}: has ABI ${binding.abi}, this package needs ${abiVersion}`);
    } catch (error) {
      tried.push(`${from} ${path}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new FaeError("ERR_NATIVE_MISSING", `The native ${name} engine is not there. Tried ${tried.join("; ")}.`, {
    fix: `Install ${packages[name]}, or build it with 'npx fae-build-native' (cmake and a C++ compiler${name === "cuda" ? ", nvcc" : ""}).`,
    details: { engine: name, tried },
  });
}

/** The folder of this package: the nearest one above this file with a package.json of its name. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = join(folder, "package.json");
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).name === "@fae/gpu-backend") return folder;
    const above = dirname(folder);
    if (above === folder) return folder;
    folder = above;
  }
}

function packageFile(require: NodeJS.Require, name: NativeName): string | null {
  try {
    return join(dirname(require.resolve(`${packages[name]}/package.json`)), `fae-${name}.node`);
  } catch {
    return null;
  }
}
