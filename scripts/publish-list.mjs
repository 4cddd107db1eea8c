import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fillPlatformPackages, platformsOf } from "./platform-packages.mjs";
import { root } from "./setup.mjs";

/** Folders of packages and apps that are published; platform packages of the native engines are not among them. */
export function publishedFolders() {
  const below = (folder) => readdirSync(join(root, folder)).map((name) => join(root, folder, name));
  return [...below("packages"), ...below("apps")].filter((folder) => {
    const manifest = join(folder, "package.json");
    return existsSync(manifest) && !JSON.parse(readFileSync(manifest, "utf8")).private;
  });
}

/**
 * Packs everything that is published, as npm would get it. Platform packages whose engine was not built here are left out.
 * @param repository the checkout, or a copy of it whose versions were raised
 * @param platforms folder of its platform packages, which is filled
 * @param into folder of the tarballs
 */
export function packAll({ repository = root, platforms = platformsOf(repository), into }) {
  mkdirSync(into, { recursive: true });
  const folders = publishedFolders().map((folder) => join(repository, relative(root, folder)));
  for (const cwd of [...folders, ...fillPlatformPackages(platforms)])
    execFileSync("pnpm", ["pack", "--pack-destination", into], { cwd, stdio: "pipe" });
}
