// A copy of the built command that nothing rebuilds underneath: what scripts that start it many times run.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";

const repository = join(import.meta.dirname, "../../..");

/**
 * Copies `dist` of every package and native addons into a new directory; other dependencies are linked.
 * @returns path of the command's main file
 */
export function isolatedCommand(into) {
  const modules = join(into, "node_modules");
  mkdirSync(join(modules, "@fae"), { recursive: true });
  const packages = readdirSync(join(repository, "packages")).map((name) => join(repository, "packages", name));
  for (const folder of [...packages, join(repository, "apps/trainer")]) {
    const { name, private: isBundled } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    if (isBundled) continue;
    const target = join(modules, name);
    if (!existsSync(join(folder, "dist"))) throw new Error(`${name} is not built: run 'npm run setup' first`);
    mkdirSync(target, { recursive: true });
    cpSync(join(folder, "package.json"), join(target, "package.json"));
    cpSync(join(folder, "dist"), join(target, "dist"), { recursive: true });
    for (const addon of existsSync(join(folder, "build")) ? readdirSync(join(folder, "build")) : []) {
      if (addon.endsWith(".node")) cpSync(join(folder, "build", addon), join(target, "build", addon));
    }
    const dependencies = join(folder, "node_modules");
    for (const dependency of existsSync(dependencies) ? readdirSync(dependencies) : []) {
      if (/^[@.]/.test(dependency) || existsSync(join(modules, dependency))) continue;
      symlinkSync(realpathSync(join(dependencies, dependency)), join(modules, dependency));
    }
  }
  return join(modules, "@fae/trainer/dist/main.js");
}
