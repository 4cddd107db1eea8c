/**
 * `npm run demo`: does all set-up on a machine with Node and npm, then tells the story of FAE on a synthetic click log:
 * profile it, pack it, and train the same model on the same data and seed with three strategies. `--keep DIR` keeps what it
 * makes; `--rows N` takes another size.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt, ensureInstalled, ensureNative, root } from "./setup.mjs";

const { values } = parseArgs({ options: { keep: { type: "string" }, rows: { type: "string" } } });

/** Sizes that end within three minutes on 2 cores. Without the native engine everything is smaller, the model too. */
const native = {
  rows: 500_000,
  scale: 0.1,
  budget: "32MiB",
  model: ["--model", "rmc2", "--optimizer", "adagrad"],
  batch: 512,
  training: ["--lr", "0.01"],
};
const portable = {
  rows: 20_000,
  scale: 0.002,
  budget: "512KiB",
  model: ["--model", "dlrm", "--optimizer", "adagrad"],
  batch: 128,
  training: ["--bottom-mlp", "32,16", "--top-mlp", "64,1", "--lr", "0.02"],
};
const strategies = ["dlrm-hybrid", "fae", "mixed"];

const started = performance.now();
ensureInstalled();
ensureNative();
ensureBuilt();

const directory = values.keep ?? mkdtempSync(join(tmpdir(), "fae-demo-"));
mkdirSync(directory, { recursive: true });
process.once("exit", () => {
  if (!values.keep) rmSync(directory, { recursive: true, force: true });
});
process.once("SIGINT", () => process.exit(130));

const { engines } = fae("doctor");
const hasNative = engines.some(({ name, available }) => available && (name === "cuda" || name === "cpu"));
const sizes = hasNative ? native : portable;
if (!hasNative)
  console.log("\nNo native engine here: a small model on a portable one. './fae doctor' says how to get it.");

const rows = Number(values.rows ?? sizes.rows);
// Six sevenths of the log train. A decay lets every strategy come to rest, so that what differs at the end is not noise.
const steps = Math.floor((rows * 6) / 7 / sizes.batch);
const decayStart = Math.floor(0.4 * steps);
const schedule = ["--decay-start", decayStart, "--decay-steps", steps - decayStart + 5];
const training = [
  "--batch",
  sizes.batch,
  ...sizes.training,
  ...schedule,
  "--shuffle",
  "total",
  "--test-inputs",
  "20000",
];
const at = (name) => join(directory, name);
fae("synth", "criteo-kaggle", "--calibration", "paper", "--rows", rows, "--scale", sizes.scale, "--out", at("log"));
const profile = fae("profile", at("log"), ...sizes.model, "--budget", sizes.budget, "--small-tables", "64KiB");
const packed = fae("pack", at("log"), "--out", at("packed"));
const reports = strategies.map((strategy) =>
  fae("train", at("packed"), "--strategy", strategy, ...sizes.model, ...training),
);

console.log(`\n${table(reports)}\n`);
const [hybrid, , mixed] = reports;
const same =
  JSON.stringify(mixed.lossCurve.map(({ loss }) => loss)) === JSON.stringify(hybrid.lossCurve.map(({ loss }) => loss));
console.log(
  same
    ? "mixed computed every loss of dlrm-hybrid bit for bit: placement changes where bytes go, never the result."
    : "mixed and dlrm-hybrid differ in their losses, as float32 on this engine may.",
);
console.log(
  `${share(packed.hotInputs / (packed.hotInputs + packed.coldInputs))} of the inputs touch hot rows only; the hot rows are ` +
    `${share(profile.hotSet.rows / hybrid.model.rows)} of all rows and take ${share(profile.hotSet.accessShare)} of the look-ups.`,
);
const isGpu = hybrid.engine.name === "cuda";
if (!isGpu) {
  console.log(
    "Without a GPU the device is a separate arena in host memory: every byte is really copied and counted, but saving it saves little time.",
  );
}
console.log(`Engine ${hybrid.engine.name}, ${((performance.now() - started) / 1000).toFixed(0)} s in all.`);

/** Shows a command line, runs it with its progress on the terminal, and returns its JSON. */
function fae(...args) {
  console.log(`\n$ fae ${args.join(" ")}`);
  const command = [join(root, "apps/trainer/dist/main.js"), ...args.map(String), "--json"];
  const result = spawnSync(process.execPath, command, {
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
    encoding: "utf8",
  });
  if (result.status !== 0) process.exit(result.status ?? 1);
  return JSON.parse(result.stdout);
}

function share(part) {
  return `${(100 * part).toFixed(1)} %`;
}

function embeddingBytes({ train, evaluate }) {
  let sum = 0;
  for (const bytes of [train, evaluate]) {
    for (const kind of ["rows", "rowState", "switch"]) sum += bytes[kind].toDevice + bytes[kind].toHost;
  }
  return sum;
}

function table(all) {
  const head = ["strategy", "AUC", "log loss", "embedding bytes moved", "on hot rows only", "switches", "seconds"];
  const rows = all.map((report) => {
    const { auc, logLoss } = report.metrics.test;
    const hot = report.routes.hot ? report.routes.hot.inputs / report.inputs : null;
    return [
      report.plan.strategy,
      auc.toFixed(5),
      logLoss.toFixed(5),
      `${(embeddingBytes(report.bytes) / 2 ** 20).toFixed(1)} MiB`,
      hot === null ? "-" : share(hot),
      String(report.switches),
      (report.seconds.train + report.seconds.evaluate).toFixed(1),
    ];
  });
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const line = (cells) =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("  ");
  return [line(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}
