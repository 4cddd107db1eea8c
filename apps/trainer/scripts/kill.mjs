// Kills trainings at random moments, resumes them, and compares the final model with that of a run in one piece.
//   node apps/trainer/scripts/kill.mjs --kills 200 [--seed 1] [--rows 5000]
// Needs the built command (pnpm build). Ends with 1 when a run cannot be resumed or a file differs.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    rows: { type: "string", default: "5000" },
  },
});
const kills = Number(values.kills);
const killsPerRun = 6;
const command = join(import.meta.dirname, "../dist/main.js");

let state = Number(values.seed);
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

const root = mkdtempSync(join(tmpdir(), "fae-kill-"));
const at = (...parts) => join(root, ...parts);

/** Runs the command; with a time, kills it then. */
function fae(args, killAfter = null) {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [command, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    let err = "";
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    const timer = killAfter === null ? null : setTimeout(() => child.kill("SIGKILL"), killAfter);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, wasKilled: signal === "SIGKILL", err, milliseconds: performance.now() - started });
    });
  });
}

async function mustPass(args) {
  const ended = await fae(args);
  if (ended.code !== 0) throw new Error(`fae ${args.join(" ")} ended with ${ended.code}:\n${ended.err}`);
  return ended;
}

/** Digest of every tensor file of a run's model. */
function modelDigest(run) {
  const steps = readdirSync(join(run, "model"));
  if (steps.length !== 1) throw new Error(`${run}/model holds ${steps.join(", ")}`);
  const hash = createHash("sha256").update(steps[0]);
  const files = readdirSync(join(run, "model", steps[0])).filter((name) => name.endsWith(".safetensors"));
  for (const name of files.sort()) hash.update(name).update(readFileSync(join(run, "model", steps[0], name)));
  return hash.digest("hex");
}

const model = ["--model", "dlrm", "--width", "4"];
const layers = ["--bottom-mlp", "16,4", "--top-mlp", "16,1", "--optimizer", "adagrad"];
const training = (strategy, run) => [
  ...["train", at("packed"), ...model, ...layers, "--strategy", strategy, "--engine", "cpu", "--shuffle", "total"],
  ...["--batch", "16", "--epochs", "6", "--test-inputs", "500", "--checkpoint-every", "100", "--run", run],
];

/** One run, killed up to `killsPerRun` times. Returns how often it was. */
async function killedRun(strategy, expected, duration, left) {
  const run = at("killed");
  let killed = 0;
  for (;;) {
    const args = existsSync(run) ? ["train", "--resume", run] : training(strategy, run);
    const ended = await fae(args, killed < Math.min(left, killsPerRun) ? random() * duration : null);
    if (ended.wasKilled) {
      killed++;
      // Killed after its last write and before its end, a run is complete.
      if (!existsSync(join(run, "report.json"))) continue;
    } else if (ended.code !== 0) throw new Error(`after ${killed} kills, fae ${args.join(" ")}:\n${ended.err}`);
    break;
  }
  if (modelDigest(run) !== expected) throw new Error(`${strategy}: the model differs after ${killed} kills`);
  const { resumedAt } = JSON.parse(readFileSync(join(run, "report.json"), "utf8"));
  rmSync(run, { recursive: true });
  const rest = readdirSync(root).filter((name) => name.startsWith(".killed"));
  if (rest.length > 0) throw new Error(`left behind: ${rest.join(", ")}`);
  return { killed, resumed: resumedAt.length };
}

try {
  await mustPass([
    "synth",
    "criteo-kaggle",
    "--rows",
    values.rows,
    "--scale",
    "0.0001",
    "--seed",
    "3",
    "--out",
    at("log"),
  ]);
  await mustPass([
    "profile",
    at("log"),
    ...model,
    "--optimizer",
    "adagrad",
    "--budget",
    "16KiB",
    "--small-tables",
    "0",
  ]);
  await mustPass(["pack", at("log"), "--out", at("packed")]);
  const whole = new Map();
  const total = { kills: 0, runs: 0, resumed: 0 };
  while (total.kills < kills) {
    const strategy = ["cpu-only", "mixed", "fae"][total.runs % 3];
    if (!whole.has(strategy)) {
      const run = at(`whole-${strategy}`);
      const { milliseconds } = await mustPass(training(strategy, run));
      whole.set(strategy, { digest: modelDigest(run), milliseconds });
    }
    const { digest, milliseconds } = whole.get(strategy);
    const { killed, resumed } = await killedRun(strategy, digest, milliseconds, kills - total.kills);
    total.kills += killed;
    total.resumed += resumed;
    total.runs++;
    process.stderr.write(`${strategy}: equal after ${killed} kills, ${resumed} checkpoints used\n`);
  }
  process.stdout.write(`${JSON.stringify(total)}\n`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
