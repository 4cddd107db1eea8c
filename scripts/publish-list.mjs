import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

/** Folders of everything that is published: packages, platform packages of the native engines, apps. */
export function publishedFolders() {
  const below = (folder) =>
    existsSync(join(root, folder)) ? readdirSync(join(root, folder)).map((name) => join(root, folder, name)) : [];
  return [...below("packages"), ...below("packages/gpu-backend/platforms"), ...below("apps")].filter((folder) =>
    existsSync(join(folder, "package.json")),
  );
}
