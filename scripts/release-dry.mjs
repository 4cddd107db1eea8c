/**
 * `npm run release:dry`: everything a release does, except publishing. Works on a copy: versions the packages from their
 * changesets, packs them, checks every tarball, installs them from a registry on loopback and runs their examples.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { clients, runExamples } from "./examples.mjs";
import { manifestOf } from "./local-registry.mjs";
import { packAll } from "./publish-list.mjs";
import { ensureBuilt, ensureInstalled, ensureNative, must, root } from "./setup.mjs";

const { values } = parseArgs({
  options: { node: { type: "string", default: process.versions.node }, help: { type: "boolean", short: "h" } },
});
if (values.help) {
  console.log(`npm run release:dry -- [--node 20,22,24]

Everything a release does, except publishing: versions, tarballs, their checks, and every README's example from the packed
packages by ${clients.join(" and ")}. Changes nothing in the checkout.

  --node <versions>  versions of Node to install and run the examples on, as 20,22,24 (default: the running one,
                     ${process.versions.node}); another than the running one comes from the registry`);
  process.exit(0);
}

/** Packed bytes allowed, in KiB. TypeScript packages are small; native ones hold one binary. */
const budgetKib = {
  default: 120,
  "@fae/gpu-backend": 256, // with the sources of the native engines
  "@fae/native-linux-x64": 4096,
  "@fae/native-linux-x64-cuda13": 16384,
};
const allowed =
  /^package\/(package\.json|README\.md|LICENSE|CHANGELOG\.md|bin\/|dist\/|native\/|scripts\/|reference\/|[^/]+\.node$)/;
const bin = (name) => join(root, "node_modules/.bin", name);
const work = mkdtempSync(join(tmpdir(), "fae-release-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));

ensureInstalled();
ensureNative();
ensureBuilt();

console.log("• versions");
const copy = join(work, "repository");
cpSync(root, copy, {
  recursive: true,
  verbatimSymlinks: true,
  filter: (path) => !/(^|\/)(\.turbo|runs|portable|build\/CMakeFiles)(\/|$)/.test(relative(root, path)),
});
must(bin("changeset"), ["version"], { cwd: copy });

console.log("• tarballs, with the native engines that were built here");
const tarballs = join(work, "tarballs");
packAll({ repository: copy, into: tarballs });

const problems = [];
const versions = new Set();
const sizes = new Map();
const withoutRepository = [];
for (const file of readdirSync(tarballs)) {
  const path = join(tarballs, file);
  const manifest = manifestOf(readFileSync(path));
  const { size } = statSync(path);
  versions.add(manifest.version);
  sizes.set(manifest.name, size / 1024);
  if (!manifest.repository) withoutRepository.push(manifest.name);
  const say = (problem) => problems.push(`${manifest.name}: ${problem}`);
  const budget = budgetKib[manifest.name] ?? budgetKib.default;
  if (size > budget * 1024) say(`${(size / 1024).toFixed(0)} KiB packed, ${budget} KiB allowed`);
  if (manifest.license !== "Apache-2.0") say(`license is ${manifest.license}`);
  if (!manifest.publishConfig?.provenance) say("publishConfig.provenance is not set");
  if (!manifest.description) say("has no description");
  if (manifest.scripts?.install || manifest.scripts?.postinstall) say("has an install script");
  for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.optionalDependencies }))
    if (/^(workspace|file|link):/.test(range)) say(`depends on ${name} ${range}`);
  const files = execFileSync("tar", ["tzf", path], { encoding: "utf8" }).trim().split("\n");
  for (const name of files) if (!allowed.test(name) || /\.(test|spec)\./.test(name)) say(`packs ${name}`);
  for (const needed of ["package/LICENSE", "package/README.md"]) if (!files.includes(needed)) say(`lacks ${needed}`);
  if (manifest.exports) {
    must(bin("publint"), [path, "--strict"], { stdio: ["ignore", "ignore", "inherit"] });
    must(bin("attw"), [path, "--profile", "esm-only", "--quiet"]);
  }
  console.log(`  ${manifest.name} ${manifest.version}: ${(size / 1024).toFixed(1)} KiB, ${files.length} files`);
}
if (versions.size !== 1) problems.push(`the packages have ${versions.size} versions: ${[...versions].join(", ")}`);
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}

if (withoutRepository.length > 0)
  console.log(
    `• not ready for provenance: ${withoutRepository.length} of ${sizes.size} packages have no "repository" field, and ` +
      "npm publish --provenance refuses those. Set it to the public address of the repository that publishes.",
  );

console.log("• examples from the packed packages");
const { versions: nodes, rows, passed, failed } = await runExamples({ tarballs, nodes: values.node.split(",") });
console.log(tableOf(nodes, rows));
console.log(`${passed} installs ran their examples, ${failed} failed`);
if (failed > 0 || passed === 0) process.exit(1);
console.log(`release of ${[...versions][0]} is ready: ${sizes.size} packages`);

/** One line a package: size, what ran, and for each Node the clients with which all of it passed. */
function tableOf(nodes, rows) {
  const ran = new Map(rows.map((row) => [row.name, row]));
  const head = ["package", "KiB packed", "examples", "commands", ...nodes.map((version) => `node ${version}`)];
  const lines = [...sizes].map(([name, kib]) => {
    const row = ran.get(name);
    const marks = nodes.map((node) =>
      row
        ? clients.map((client) => `${client} ${row.passed.get(`${client} ${node}`) ? "✔" : "✘"}`).join(" ")
        : "with its user",
    );
    return [name, kib.toFixed(1), row?.examples ?? "-", row?.commands ?? "-", ...marks].map(String);
  });
  const widths = head.map((title, c) => Math.max(title.length, ...lines.map((line) => line[c].length)));
  return [head, widths.map((width) => "-".repeat(width)), ...lines]
    .map((line) =>
      line
        .map((cell, c) => cell.padEnd(widths[c]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
