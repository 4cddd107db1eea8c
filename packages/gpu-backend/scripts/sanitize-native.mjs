#!/usr/bin/env node
/**
 * Builds the native engines with sanitizers (gcc), each into a tree of its own under build/, and runs the native checks and a
 * short fuzzing of the boundary over them. Exit status 1 when anything was reported.
 *
 *     sanitize-native [--only address|thread] [--cuda] [--jobs N] [--orders N] [--workers N] [--seed S]
 *
 * address: AddressSanitizer and UBSan; thread: ThreadSanitizer. --cuda: also the CUDA engine's host side, over the runtime
 * without a GPU (needs nvcc). The runtime of a sanitizer is loaded before Node, which is not built with it: leaks are not
 * looked for, and races inside of Node do not count.
 */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const headers = dirname(createRequire(join(root, "package.json")).resolve("node-api-headers/package.json"));
const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    cuda: { type: "boolean", default: false },
    jobs: { type: "string", default: "2000" },
    orders: { type: "string", default: "200" },
    workers: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
  },
});

const settings = {
  ASAN_OPTIONS: "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
  UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1",
  TSAN_OPTIONS: "halt_on_error=1:ignore_noninstrumented_modules=1",
};
const kinds = {
  address: { flags: "address,undefined", libraries: ["libasan.so", "libubsan.so"] },
  thread: { flags: "thread", libraries: ["libtsan.so"] },
};

let isClean = true;
function run(what, command, args, env = {}) {
  console.log(`sanitize: ${what}`);
  const { status, signal } = spawnSync(command, args, { stdio: "inherit", env: { ...process.env, ...env } });
  if (status === 0) return true;
  console.log(`sanitize: FAILED: ${what} (${signal ?? `exit status ${status}`})`);
  isClean = false;
  return false;
}

const fileOf = (library) => spawnSync("gcc", [`-print-file-name=${library}`], { encoding: "utf8" }).stdout.trim();

for (const [name, { flags, libraries }] of Object.entries(kinds)) {
  if (options.only !== undefined && options.only !== name) continue;
  const tree = join(root, "build", `sanitize-${name}`);
  const addons = [["cpu", "fae-cpu"], ...(options.cuda ? [["cuda", "fae-cuda-fake"]] : [])];
  const isBuilt =
    run(`configure ${name}`, "cmake", [
      ...["-S", join(root, "native"), "-B", tree],
      ...["-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_FLAGS=-g1", `-DFAE_SANITIZE=${flags}`, "-DFAE_TESTS=ON"],
      ...[`-DFAE_CUDA=${options.cuda ? "ON" : "OFF"}`, `-DFAE_NODE_API_HEADERS=${join(headers, "include")}`],
    ]) &&
    run(`build ${name}`, "cmake", [
      ...[
        "--build",
        tree,
        "--parallel",
        `${availableParallelism()}`,
        "--target",
        ...addons.map(([, target]) => target),
      ],
      ...["common_check", "gemm_check", "uniform_rows_check", "step_bench"],
    ]);
  if (!isBuilt) continue;
  run(`native checks, ${name}`, "ctest", ["--test-dir", tree, "--output-on-failure"], settings);
  const counts = ["jobs", "orders", "workers", "seed"].flatMap((option) => [`--${option}`, options[option]]);
  const preloaded = { ...settings, FAE_FUZZ_PRELOAD: libraries.map(fileOf).join(" ") };
  for (const [engine, target] of addons)
    run(
      `boundary of ${engine}, ${name}`,
      process.execPath,
      [
        join(root, "scripts/fuzz-boundary.mjs"),
        "--engine",
        engine,
        "--addon",
        join(tree, `${target}.node`),
        "--memory",
        "0",
        ...counts,
      ],
      preloaded,
    );
}
process.exit(isClean ? 0 : 1);
