/**
 * `npm test`: set-up, then every check of the repository, then the tests. Ends with the count of tests.
 * `npm test -- --only tests` (or native, lint, types, unused, packages) runs one part.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publishedFolders } from "./publish-list.mjs";
import { ensureBuilt, ensureInstalled, ensureNative, must, root } from "./setup.mjs";

const bin = (name) => join(root, "node_modules/.bin", name);
const only = process.argv.includes("--only") ? process.argv[process.argv.indexOf("--only") + 1] : undefined;
const started = performance.now();
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

const checks = {
  native: () => {
    const build = join(root, "packages/gpu-backend/build");
    if (!existsSync(join(build, "fae-cpu.node"))) return "skipped: no native engine was built";
    must(process.execPath, ["packages/gpu-backend/scripts/build-native.mjs", "--tests"], { quiet: true });
    must("ctest", ["--test-dir", join(build, "cmake"), "--output-on-failure", "--no-tests=error"]);
  },
  types: () => must(bin("tsc"), ["--noEmit", "-p", "tsconfig.json"]),
  lint: () => {
    must(bin("biome"), ["check", "--diagnostic-level=error", "."]);
    must(bin("depcruise"), ["packages", "apps", "--config", ".dependency-cruiser.cjs", "--output-type", "err"]);
  },
  unused: () => must(bin("knip"), ["--no-progress"]),
  packages: () => {
    must(process.execPath, ["scripts/declarations.mjs"]);
    for (const cwd of publishedFolders()) {
      must(bin("publint"), ["--strict"], { cwd });
      must(bin("attw"), ["--pack", ".", "--profile", "esm-only", "--quiet"], { cwd });
    }
  },
};

ensureInstalled();
ensureNative();
ensureBuilt();
for (const [name, check] of Object.entries(checks)) {
  if (only && only !== name) continue;
  const since = performance.now();
  const skipped = check();
  console.log(`${skipped ? "•" : "✔"} ${name} ${skipped ?? `(${seconds(since)})`}`);
}
if (!only || only === "tests") {
  const folder = mkdtempSync(join(tmpdir(), "fae-test-"));
  const report = join(folder, "report.json");
  const run = spawnSync(
    bin("vitest"),
    ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
    {
      cwd: root,
      stdio: "inherit",
    },
  );
  let counts;
  try {
    counts = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    console.error(`vitest ended without a report (exit code ${run.status ?? run.signal})`);
    process.exit(1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`all in ${seconds(started)}`);
  console.log(
    `${counts.numPassedTests} passed, ${counts.numFailedTests} failed, ${counts.numPendingTests + counts.numTodoTests} skipped`,
  );
  process.exit(run.status ?? 1);
}
