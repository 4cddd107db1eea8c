/**
 * `npm run release:dry`: everything a release does, except publishing. Works on a copy: versions the packages from their
 * changesets, packs them, checks every tarball, installs them from a registry on loopback and runs their examples.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { manifestOf } from "./local-registry.mjs";
import { fillPlatformPackages } from "./platform-packages.mjs";
import { publishedFolders } from "./publish-list.mjs";
import { ensureBuilt, ensureInstalled, ensureNative, must, root } from "./setup.mjs";

/** Packed bytes allowed, in KiB. TypeScript packages are small; native ones hold one binary. */
const budgetKib = {
  default: 120,
  "@fae/gpu-backend": 256, // with the sources of the native engines
  "@fae/native-linux-x64": 4096,
  "@fae/native-linux-x64-cuda13": 16384,
};
const allowed =
  /^package\/(package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/|native\/|scripts\/|reference\/|[^/]+\.node$)/;
const bin = (name) => join(root, "node_modules/.bin", name);
const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
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

console.log("• native engines");
const filled = fillPlatformPackages(copy);
const isReady = (folder) => !folder.includes("/platforms/") || filled.includes(join(copy, relative(root, folder)));

console.log("• tarballs");
const tarballs = join(work, "tarballs");
for (const folder of publishedFolders().filter(isReady))
  execFileSync("npx", ["--yes", packageManager, "pack", "--pack-destination", tarballs], {
    cwd: join(copy, relative(root, folder)),
    stdio: "pipe",
  });

const problems = [];
const versions = new Set();
for (const file of readdirSync(tarballs)) {
  const path = join(tarballs, file);
  const manifest = manifestOf(readFileSync(path));
  const { size } = statSync(path);
  versions.add(manifest.version);
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

console.log("• examples from the packed packages");
must(process.execPath, [join(root, "scripts/packed.mjs"), "--tarballs", tarballs]);
console.log(`release of ${[...versions][0]} is ready: ${readdirSync(tarballs).length} packages`);
