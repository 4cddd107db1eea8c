/**
 * Set-up that `npm run demo` and `npm test` share. Each step does nothing when it is already done, and prints its seconds.
 * A fresh machine needs only Node and npm: the pinned pnpm is installed into `.tools/` and put on the PATH of everything that
 * starts from here. The native engines need cmake and a C++ compiler too.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { packageManager, engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const pnpmFolder = join(root, ".tools", packageManager);

// Tools that start `pnpm` themselves (publint, turbo) must find the pinned one too.
process.env.PATH = [join(pnpmFolder, "node_modules/.bin"), process.env.PATH].filter(Boolean).join(delimiter);
Object.assign(process.env, { TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" });

/**
 * Runs a command in the repository; ends the process with its exit code when it fails.
 * @param options of spawnSync; `quiet`: print the command's output only when it fails
 * @returns the output of a quiet command
 */
export function must(command, args, { quiet = false, env, ...options } = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: quiet ? ["ignore", "pipe", "pipe"] : "inherit",
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    ...options,
    env: { ...process.env, ...env },
  });
  if (result.status === 0) return result.stdout ?? "";
  const why = result.error ? result.error.message : `exit code ${result.status ?? result.signal}`;
  console.error(`${quiet ? `\n${result.stdout}${result.stderr}` : ""}\n${command} ${args.join(" ")} failed: ${why}`);
  process.exit(result.status || 1);
}

/** `pnpm ...args`, at the version that package.json names. */
export const pnpm = (args, options) => must("pnpm", args, options);

/** Prints a step's name, does it, and prints its seconds. */
export function step(name, work) {
  const started = performance.now();
  process.stdout.write(`• ${name} ... `);
  const result = work();
  console.log(`${((performance.now() - started) / 1000).toFixed(1)} s`);
  return result;
}

function ensureNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(
    `Node ${process.versions.node} is too old: FAE needs Node ${engines.node}. Install Node 20.19 or newer.`,
  );
  process.exit(1);
}

/** Puts the pinned pnpm into `.tools/`, out of npm's registry. */
function ensurePnpm() {
  if (existsSync(join(pnpmFolder, "node_modules/.bin/pnpm"))) return;
  step(`installing ${packageManager.replace("@", " ")}`, () => {
    rmSync(pnpmFolder, { recursive: true, force: true });
    const flags = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"];
    must("npm", ["install", "--prefix", pnpmFolder, ...flags, packageManager], { quiet: true });
  });
}

/** Installs the workspace's dependencies when they are missing or older than the lock file. */
export function ensureInstalled() {
  ensureNode();
  ensurePnpm();
  const marker = join(root, "node_modules/.modules.yaml");
  const lock = join(root, "pnpm-lock.yaml");
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs) return;
  step("installing dependencies", () => pnpm(["install", "--frozen-lockfile"], { quiet: true, env: { CI: "true" } }));
}

/** Builds every package's dist (turbo skips what has not changed). */
export function ensureBuilt() {
  step("building packages", () =>
    must(join(root, "node_modules/.bin/turbo"), ["run", "build", "--output-logs=errors-only", "--ui=stream"], {
      quiet: true,
    }),
  );
}

/** Builds the native engines where cmake and a compiler are; prints what was built and what not. */
export function ensureNative() {
  const script = "packages/gpu-backend/scripts/build-native.mjs";
  const output = step("building the native engines", () =>
    must(process.execPath, [script, "--optional"], { quiet: true }),
  );
  console.log(output.trimEnd().replace(/^native: /gm, "  "));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  ensureNative();
  ensureBuilt();
}
