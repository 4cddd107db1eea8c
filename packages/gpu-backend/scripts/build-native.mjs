#!/usr/bin/env node
/**
 * Builds the native engines into build/ with cmake and the system's compiler: fae-cpu.node always, fae-cuda.node where nvcc
 * is. Needs no network: the Node-API headers are npm packages. Says what was built and what not, and why; does little when
 * nothing has changed.
 *
 *     build-native [--require] [--cuda on|off|auto] [--tests] [--clean]
 *
 * --require  exit 1 when the CPU engine (with --cuda on: also the CUDA engine) was not built; default exit 0
 * --tests    also build the native checks, into build/cmake/test
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

const usage = `Usage: build-native [--require] [--cuda on|off|auto] [--tests] [--clean]

Builds the native engines with cmake and a C++20 compiler, the CUDA engine where nvcc is. Says what was built and what not.

  --require  exit 1 when the CPU engine (with --cuda on: also the CUDA engine) was not built
  --cuda     on, off, or auto: where nvcc is (default)
  --tests    also build the native checks
  --clean    build anew`;

function optionsOf() {
  try {
    return parseArgs({
      options: {
        require: { type: "boolean", default: false },
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
function giveUp(why, fix) {
  say(`no engine was built: ${why}. ${fix}`);
  say("the reference and tfjs engines work without it");
  process.exit(options.require ? 1 : 0);
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

function packageFolder(name) {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    return giveUp(`the npm package ${name} is missing`, `Install it: npm install ${name}.`);
  }
}

const compilers = [process.env.CXX, "c++", "g++", "clang++"].filter(Boolean);
if (process.platform !== "linux") giveUp(`${process.platform} is not supported yet`, "Use Linux on x64 or arm64.");
if (!has("cmake", "--version")) giveUp("cmake was not found", "Install cmake 3.20 or newer, e.g. 'apt install cmake'.");
if (!compilers.some((compiler) => has(compiler, "--version")))
  giveUp("no C++ compiler was found", "Install one for C++20, e.g. 'apt install g++'.");

const cuda = options.cuda.toUpperCase();
if (!["ON", "OFF", "AUTO"].includes(cuda)) giveUp(`--cuda ${options.cuda} is unknown`, "Use on, off or auto.");
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
  `-DFAE_NODE_API_HEADERS=${join(packageFolder("node-api-headers"), "include")}`,
  `-DFAE_OUTPUT=${output}`,
  `-DFAE_CUDA=${cuda}`,
  `-DFAE_TESTS=${options.tests ? "ON" : "OFF"}`,
]);
if (!configured.ok) giveUp(`cmake could not configure:\n${tail(configured.text)}`, "See native/CMakeLists.txt.");

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
process.exit(isComplete || !options.require ? 0 : 1);
