/**
 * Set-up that `npm run demo` and `npm test` share. Each step does nothing when it is already done, and says what it did.
 * A fresh machine needs only Node and npm: pnpm comes through npx. The native engine needs cmake and a C++ compiler too.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { packageManager, engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Runs a command in the repository; ends the process with its exit code when it fails. */
export function must(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: "inherit",
    ...options,
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", ...options.env },
  });
  if (result.status === 0) return;
  const why = result.error ? result.error.message : `exit code ${result.status ?? result.signal}`;
  console.error(`\n${command} ${args.join(" ")} failed: ${why}`);
  process.exit(result.status || 1);
}

/** `pnpm ...args`, at the version that package.json names. */
export const pnpm = (args, options) => must("npx", ["--yes", packageManager, ...args], options);

export function ensureNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(
    `Node ${process.versions.node} is too old: FAE needs Node ${engines.node}. Install Node 20.19 or newer.`,
  );
  process.exit(1);
}

/** Installs the workspace's dependencies when they are missing or older than the lock file. */
export function ensureInstalled() {
  ensureNode();
  const marker = join(root, "node_modules/.modules.yaml");
  const lock = join(root, "pnpm-lock.yaml");
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs) return;
  console.log("• installing dependencies");
  pnpm(["install", "--frozen-lockfile", "--reporter=append-only"]);
}

/** Builds every package's dist (turbo skips what has not changed). */
export function ensureBuilt() {
  console.log("• building packages");
  pnpm(["exec", "turbo", "run", "build", "--output-logs=errors-only", "--ui=stream"]);
}

/** Builds the native engines where cmake and a compiler are; says what was built and what not. */
export function ensureNative() {
  console.log("• building the native engines");
  must(process.execPath, ["packages/gpu-backend/scripts/build-native.mjs"]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureInstalled();
  ensureNative();
  ensureBuilt();
}
