/** Copies the native engines that were built here into their platform packages, stripped. Says which are missing. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./setup.mjs";

/** @returns {string[]} folders of platform packages that now hold their engine */
export function fillPlatformPackages(repository = root) {
  const platforms = join(repository, "packages/gpu-backend/platforms");
  return readdirSync(platforms)
    .map((name) => join(platforms, name))
    .filter((folder) => {
      const { name, main } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      const built = join(root, "packages/gpu-backend/build", main);
      if (!existsSync(built)) {
        console.log(`  ${name}: ${main} was not built here`);
        return false;
      }
      copyFileSync(built, join(folder, main));
      spawnSync("strip", ["--strip-unneeded", join(folder, main)]);
      console.log(`  ${name}: ${(statSync(join(folder, main)).size / 2 ** 20).toFixed(1)} MiB`);
      return true;
    });
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) fillPlatformPackages();
