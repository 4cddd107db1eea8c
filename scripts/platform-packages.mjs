import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

/** Folder of the platform packages in a repository. */
export const platformsOf = (repository = root) => join(repository, "packages/gpu-backend/platforms");

/**
 * Copies the native engines that were built here into platform packages, stripped. Says which are missing.
 * @param platforms folder of platform packages: a copy, since an engine left in the checkout would outlive the next build
 * @returns {string[]} folders of those that now hold their engine
 */
export function fillPlatformPackages(platforms) {
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
