/**
 * `npm run portable`: one directory that runs `fae` and `fae-bench` on a Linux x64 host with no network, no Node and no compiler.
 * It holds this machine's Node, the built packages with their dependencies and the native engines that were built here.
 *
 *     npm run portable -- [--out portable/fae] [--no-archive]
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt, ensureInstalled, ensureNative, must, pnpm, root } from "./setup.mjs";

const limitBytes = 60 * 2 ** 20;
const { values: options } = parseArgs({
  options: { out: { type: "string", default: "portable/fae" }, archive: { type: "boolean", default: true } },
  allowNegative: true,
});
const out = resolve(options.out);
const app = join(out, "app");

/** Files below a folder, relative to it. */
const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
const bytesOf = (folder) => filesOf(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

ensureInstalled();
ensureNative();
ensureBuilt();
rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "bin"), { recursive: true });

console.log("• packages and their dependencies");
pnpm(["--filter", "@fae/bench", "deploy", "--legacy", "--prod", "--config.node-linker=hoisted", app], {
  stdio: ["ignore", "ignore", "inherit"],
});
const modules = join(app, "node_modules");
for (const name of ["dist", "types", "i18n", "theme", "ssr", "asset", "build"])
  rmSync(join(modules, "echarts", name), { recursive: true, force: true });
for (const name of ["zod/src", "zrender/dist", "zrender/src", "yaml/browser", ".bin", ".pnpm"])
  rmSync(join(modules, name), { recursive: true, force: true });
for (const file of filesOf(app)) if (/\.(map|md|d\.[cm]?ts)$/.test(file)) rmSync(join(app, file));

console.log("• native engines");
const built = join(root, "packages/gpu-backend/build");
const engines = existsSync(built) ? filesOf(built).filter((file) => file.endsWith(".node")) : [];
for (const file of engines) {
  const to = join(modules, "@fae/gpu-backend/build", file);
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(join(built, file), to);
  spawnSync("strip", ["--strip-unneeded", to]);
  console.log(`  ${file}, ${mebibytes(statSync(to).size)}`);
}
if (engines.length === 0)
  console.log("  none: cmake or a C++ compiler is missing, only the JavaScript engines go along");

console.log("• Node");
const node = join(out, "bin/node");
copyFileSync(process.execPath, node);
chmodSync(node, 0o755);
if (spawnSync("strip", [node]).status !== 0) console.log("  not stripped: there is no 'strip' (binutils)");

for (const [name, entry] of [
  ["fae", "node_modules/@fae/trainer/dist/main.js"],
  ["fae-bench", "dist/main.js"],
]) {
  const script = join(out, "bin", name);
  writeFileSync(
    script,
    `#!/bin/sh\nhere=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)\nexec "$here/bin/node" "$here/app/${entry}" "$@"\n`,
  );
  chmodSync(script, 0o755);
}
cpSync(join(root, "test/golden"), join(out, "golden"), { recursive: true });
cpSync(join(root, "apps/bench/reference"), join(out, "reference"), { recursive: true });
copyFileSync(join(root, "LICENSE"), join(out, "LICENSE"));
must(join(out, "bin/fae"), ["--version"]);
console.log(`${relative(root, out)}: ${mebibytes(bytesOf(out))}`);

if (options.archive) {
  const archive = `${out}.tar.xz`;
  must("tar", ["-C", dirname(out), "-cJf", archive, relative(dirname(out), out)], { env: { XZ_OPT: "-6 -T0" } });
  const { size } = statSync(archive);
  console.log(`${relative(root, archive)}: ${mebibytes(size)}. On the host: tar xf it, then fae/bin/fae doctor`);
  if (size > limitBytes) {
    console.error(`The archive is larger than ${mebibytes(limitBytes)}.`);
    process.exit(1);
  }
}
