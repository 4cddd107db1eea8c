#!/usr/bin/env node
/**
 * Hands hostile jobs and calls to a native engine, in processes of their own: a signal, a hang, or an error that is no FaeError is
 * a bug, printed with the seed that repeats it. Exit status 1 when there was one.
 *
 *     fuzz-boundary [--engine cpu|cuda] [--addon FILE] [--jobs N] [--orders N] [--workers N] [--seed S] [--parallel N]
 *
 * --addon    the engine's .node file; default: the local build. For cuda without a GPU: fae-cuda-fake.node (native/cuda/README.md)
 * --jobs     jobs with one to three fields replaced; --orders: random calls on some sessions; --workers: threads ended at work
 * --memory   most MiB of address space of a process (ulimit -v); 0: no limit, as sanitizers need
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { build } = createRequire(join(root, "../../package.json"))("esbuild");
const { values: options } = parseArgs({
  options: {
    engine: { type: "string", default: "cpu" },
    addon: { type: "string" },
    jobs: { type: "string", default: "1000" },
    orders: { type: "string", default: "100" },
    workers: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    parallel: { type: "string", default: "1" },
    memory: { type: "string", default: "6000" },
  },
});
const addon = resolve(options.addon ?? join(root, "build", `fae-${options.engine}.node`));
if (!existsSync(addon)) {
  console.error(`error: ${addon} is not there. Build it with 'node scripts/build-native.mjs'.`);
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), "fae-fuzz-"));
const child = join(folder, "child.mjs");
await build({
  entryPoints: [join(root, "test/fuzz/child.ts")],
  outfile: child,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  conditions: ["@fae/source"],
  logLevel: "error",
});

/** Milliseconds that one seed may take. */
const patience = 120_000;
let bugs = 0;
let processes = 0;
const report = (line) => {
  bugs++;
  console.log(line);
};

/** Runs seeds [first, first + count) of a mode, going on behind a seed that ended its process. */
async function seeds(mode, first, count) {
  const end = first + count;
  while (first < end) {
    const progress = join(folder, `progress-${processes++}`);
    const { seed, ended } = await once(mode, first, end - first, progress);
    if (ended === null) return;
    report(`${ended} in ${mode}, seed ${seed}: repeat it with --seed ${seed} --${mode} 1`);
    first = seed + 1;
  }
}

function once(mode, first, count, progress) {
  const limit = Number(options.memory) > 0 ? `ulimit -v ${Number(options.memory) * 1024}; ` : "";
  // The runtime of a sanitizer comes before everything else, but in Node only: the shell would not start with it.
  const preload = process.env.FAE_FUZZ_PRELOAD ? `env LD_PRELOAD='${process.env.FAE_FUZZ_PRELOAD}' ` : "";
  const run = spawn(
    "sh",
    ["-c", `${limit}exec ${preload}"$0" "$@"`, process.execPath, child, mode, `${first}`, `${count}`],
    {
      cwd: folder,
      env: {
        ...process.env,
        FAE_FUZZ_ADDON: addon,
        FAE_FUZZ_HAS_HOST: options.engine === "cpu" ? "1" : "0",
        FAE_FUZZ_PROGRESS: progress,
      },
    },
  );
  let output = "";
  const take = (text) => {
    output = (output + text).slice(-20_000);
    for (const line of `${text}`.split("\n")) if (line.startsWith("BUG ")) report(line);
  };
  run.stdout.setEncoding("utf8").on("data", take);
  run.stderr.setEncoding("utf8").on("data", (text) => {
    output = (output + text).slice(-20_000);
  });
  const seedNow = () => (existsSync(progress) ? Number(readFileSync(progress, "utf8")) || first : first);
  let last = -1;
  let hangs = false;
  const watch = setInterval(() => {
    hangs = seedNow() === last;
    last = seedNow();
    if (hangs) run.kill("SIGKILL");
  }, patience);
  return new Promise((resolve) => {
    run.once("close", (code, signal) => {
      clearInterval(watch);
      if (code === 0) return resolve({ seed: seedNow(), ended: null });
      console.log(output.split("\n").slice(0, 60).join("\n"));
      resolve({ seed: seedNow(), ended: hangs ? "HANG" : (signal ?? `exit status ${code}`) });
    });
  });
}

const perProcess = { jobs: 1000, orders: 200, workers: 50 };
const seed = Number(options.seed);
const tasks = Object.entries(perProcess).flatMap(([mode, most]) => {
  const total = Number(options[mode]);
  return Array.from({ length: Math.ceil(total / most) }, (_, i) => [
    mode,
    seed + i * most,
    Math.min(most, total - i * most),
  ]);
});
const started = Date.now();
await Promise.all(
  Array.from({ length: Number(options.parallel) }, async () => {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) await seeds(...task);
  }),
);
rmSync(folder, { recursive: true, force: true });
console.log(
  `${options.engine}: ${options.jobs} jobs, ${options.orders} orders, ${options.workers} workers from seed ${seed}: ` +
    `${bugs} bugs, ${((Date.now() - started) / 1000).toFixed(0)} s`,
);
process.exit(bugs > 0 ? 1 : 0);
