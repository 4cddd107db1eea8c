/**
 * Runs README examples and commands of packed packages as a user would: installed from a registry on loopback by npm and by
 * pnpm, in an empty folder, with install scripts off, on several versions of Node.
 */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { serveRegistry } from "./local-registry.mjs";
import { publishedFolders } from "./publish-list.mjs";

/** The JavaScript blocks of a package's README, and its commands: what must run once the package is installed. */
function contentsOf(folder) {
  const { name, bin = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const readme = existsSync(join(folder, "README.md")) ? readFileSync(join(folder, "README.md"), "utf8") : "";
  const examples = [...readme.matchAll(/^```(?:js|ts)\n(.*?)^```/gms)].map(([, code]) => code);
  return { name, examples, commands: Object.keys(bin) };
}

/** A Node of a version such as `22` or `22.21.0`: the running one if it is that, else the binary of a registry package. */
function nodeOf(version, work) {
  const running = process.versions.node;
  if (running === version || running.startsWith(`${version}.`)) return { path: process.execPath, version: running };
  const folder = join(work, `node-${version}`);
  mkdirSync(folder);
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  execFileSync("npm", ["install", "--prefix", folder, "--ignore-scripts", `${name}@${version}`], { stdio: "pipe" });
  const path = join(folder, "node_modules", name, "bin/node");
  return { path, version: execFileSync(path, ["--version"], { encoding: "utf8" }).trim().slice(1) };
}

/** Waits without blocking: the registry lives in this process. @returns the output of a failure, null when it passed */
const run = (command, args, settings) =>
  new Promise((resolve) => {
    execFile(command, args, { ...settings, timeout: 300_000 }, (error, stdout, stderr) =>
      resolve(error && `${command} ${args.join(" ")}\n${stdout}${stderr}`.trim()),
    );
  });

const installing = {
  npm: () => ["npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"]],
  pnpm: (work) => ["pnpm", ["add", "--ignore-scripts", "--store-dir", join(work, "store")]],
};
export const clients = Object.keys(installing);

/** Installs one package in an empty folder and runs what is in it. @returns the output of a failure, null when all passed */
async function installAndRun({ name, examples, commands }, client, node, registry, work) {
  const project = join(work, `${client}-${node.version}-${name.replace("/", "-")}`);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  writeFileSync(join(project, ".npmrc"), `@fae:registry=${registry.url}\n`);
  const env = {
    ...process.env,
    PATH: `${dirname(node.path)}:${process.env.PATH}`,
    npm_config_cache: join(work, "cache"),
  };
  const [command, args] = installing[client](work);
  let failure = await run(command, [...args, name], { cwd: project, env });
  for (const [i, example] of examples.entries()) {
    writeFileSync(join(project, `example-${i}.mjs`), example);
    failure ??= await run(node.path, [`example-${i}.mjs`], { cwd: project, env });
  }
  for (const bin of commands)
    failure ??= await run(join(project, "node_modules/.bin", bin), ["--help"], { cwd: project, env });
  rmSync(project, { recursive: true });
  return failure;
}

/**
 * @param tarballs folder of packed packages
 * @param nodes versions of Node, `22` is the newest of its line
 * @param only names of packages; empty for all
 * @returns {Promise<{ versions: string[], rows: { name: string, examples: number, commands: number, passed: Map<string, boolean> }[], passed: number, failed: number }>}
 * `passed` of a row has a key `<client> <version>` for each
 */
export async function runExamples({ tarballs, nodes, use = clients, only = [] }) {
  const work = mkdtempSync(join(tmpdir(), "fae-examples-"));
  const registry = await serveRegistry(tarballs);
  try {
    const found = nodes.map((version) => nodeOf(version, work));
    const rows = publishedFolders()
      .map(contentsOf)
      .filter(({ name }) => only.length === 0 || only.includes(name))
      .map((row) => ({
        ...row,
        examples: row.examples.length,
        commands: row.commands.length,
        contents: row,
        passed: new Map(),
      }));
    for (const node of found) {
      for (const { contents, passed } of rows) {
        for (const client of use) {
          const failure = await installAndRun(contents, client, node, registry, work);
          console.log(`${failure === null ? "✔" : "✘"} ${contents.name}, ${client}, node ${node.version}`);
          if (failure !== null) console.log(failure.split("\n").slice(-15).join("\n"));
          passed.set(`${client} ${node.version}`, failure === null);
        }
      }
    }
    const all = rows.flatMap((row) => [...row.passed.values()]);
    const passed = all.filter(Boolean).length;
    return { versions: found.map(({ version }) => version), rows, passed, failed: all.length - passed };
  } finally {
    await registry.close();
    rmSync(work, { recursive: true, force: true });
  }
}
