#!/usr/bin/env node
/**
 * Builds the native engines into build/ with cmake and the system's compiler: fae-cpu.node always, fae-cuda.node where nvcc
 * is. Needs no network: the Node-API headers are npm packages. Says what was built and what not, and everything that is
 * missing at once; does little when nothing has changed. Exit code 1 when an engine that was to be built was not.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, realpathSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(realpathSync(fileURLToPath(import.meta.url))));
const output = join(root, "build");
const tree = join(output, "cmake");
const require = createRequire(import.meta.url);

const usage = `Usage: fae-build-native [--cuda on|off|auto] [--optional] [--tests] [--clean]

Builds the native engines with cmake and a C++20 compiler, the CUDA engine where nvcc is. Says what was built and what not.
Exit code 1 when the CPU engine, or a CUDA engine that nvcc is there for, was not built.

  --cuda      on, off, or auto: where nvcc is (default)
  --optional  exit code 0 all the same: the engines in JavaScript work without
  --tests     also build the native checks, into build/cmake/test
  --clean     remove what was built before

Example: npx fae-build-native --cuda off`;

function optionsOf() {
  try {
    return parseArgs({
      options: {
        optional: { type: "boolean", default: false },
        cuda: { type: "string", default: "auto" },
        tests: { type: "boolean", default: false },
        clean: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    console.error(`error: ${error.message}\n\n${usage}`);
    process.exit(1);
  }
}

const options = optionsOf();
if (options.help) {
  console.log(usage);
  process.exit(0);
}

const say = (line) => console.log(`native: ${line}`);
const has = (command, ...args) => spawnSync(command, args, { stdio: "ignore" }).status === 0;

/** Ends the script: nothing can be built. */
function giveUp(...missing) {
  for (const { why, fix } of missing) say(`${why}. ${fix}`);
  say("no engine was built; the reference and tfjs engines work without");
  process.exit(options.optional ? 0 : 1);
}

function run(command, args) {
  const result = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  return { ok: result.status === 0, text: `${result.stdout ?? ""}${result.stderr ?? ""}` };
}

/** Last lines of a log, without the noise before the first error. */
function tail(text) {
  const lines = text.trimEnd().split("\n");
  const first = lines.findIndex((line) => /error|FAILED/i.test(line));
  return lines.slice(first >= 0 ? first : -20, first >= 0 ? first + 20 : undefined).join("\n");
}

/** The folder of an npm package with headers, or null. */
function packageFolder(name) {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    return null;
  }
}

const cuda = options.cuda.toUpperCase();
if (!["ON", "OFF", "AUTO"].includes(cuda)) {
  console.error(`error: --cuda ${options.cuda} is unknown. Use on, off or auto.`);
  process.exit(1);
}
const headers = packageFolder("node-api-headers");
const compilers = [process.env.CXX, "c++", "g++", "clang++"].filter(Boolean);
const missing = [
  process.platform !== "linux" && {
    why: `${process.platform} is not supported yet`,
    fix: "Use Linux on x64 or arm64.",
  },
  !has("cmake", "--version") && { why: "cmake was not found", fix: "Install 3.20 or newer: apt install cmake." },
  !compilers.some((compiler) => has(compiler, "--version")) && {
    why: "no C++ compiler was found",
    fix: "Install one for C++20: apt install g++.",
  },
  headers === null && {
    why: "the npm package node-api-headers is missing",
    fix: "Install: npm install --save-dev node-api-headers.",
  },
].filter(Boolean);
if (missing.length > 0) giveUp(...missing);

if (options.clean) rmSync(output, { recursive: true, force: true });
mkdirSync(tree, { recursive: true });

const started = Date.now();
const stamp = (name) => {
  const path = join(output, `fae-${name}.node`);
  return existsSync(path) ? statSync(path).mtimeMs : 0;
};
const before = { cpu: stamp("cpu"), cuda: stamp("cuda") };

const configured = run("cmake", [
  "-S",
  join(root, "native"),
  "-B",
  tree,
  ...(existsSync(join(tree, "CMakeCache.txt")) || !has("ninja", "--version") ? [] : ["-G", "Ninja"]),
  "-DCMAKE_BUILD_TYPE=Release",
  `-DFAE_NODE_API_HEADERS=${join(headers, "include")}`,
  `-DFAE_OUTPUT=${output}`,
  `-DFAE_CUDA=${cuda}`,
  `-DFAE_TESTS=${options.tests ? "ON" : "OFF"}`,
]);
if (!configured.ok)
  giveUp({ why: `cmake could not configure:\n${tail(configured.text)}`, fix: "See native/CMakeLists.txt." });

const jobs = String(Math.max(1, availableParallelism()));
const build = (target) => run("cmake", ["--build", tree, "--target", target, "--parallel", jobs]);
const withCuda = /FAE cuda engine: \//.test(configured.text);

let isComplete = true;
for (const name of ["cpu", ...(withCuda ? ["cuda"] : [])]) {
  const built = build(`fae-${name}`);
  if (!built.ok) {
    isComplete = false;
    // A stale addon would run old code as if it were new.
    rmSync(join(output, `fae-${name}.node`), { force: true });
    say(`${name} engine failed to build:\n${tail(built.text)}`);
  } else {
    const what = stamp(name) === before[name] ? "up to date" : "built";
    say(
      `${name} engine ${what}: ${join(output, `fae-${name}.node`)} (${Math.round(statSync(join(output, `fae-${name}.node`)).size / 1024)} KiB)`,
    );
  }
}
if (!withCuda) {
  const why = cuda === "OFF" ? "switched off" : "no CUDA compiler (nvcc) was found";
  say(`cuda engine not built: ${why}`);
  if (cuda === "ON") isComplete = false;
}
if (options.tests) {
  const built = build("all");
  if (!built.ok) isComplete = false;
  say(built.ok ? `checks built: ${join(tree, "test")}` : `checks failed to build:\n${tail(built.text)}`);
}
say(`${((Date.now() - started) / 1000).toFixed(1)} s`);
process.exit(isComplete || options.optional ? 0 : 1);
