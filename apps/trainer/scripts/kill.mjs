// Kills prepare, pack, train with checkpoints, and export at random moments (SIGKILL), looks at what is left, runs them again
// or resumes them, and compares the result with that of a run in one piece.
//   node apps/trainer/scripts/kill.mjs [--kills 200] [--seed 1] [--stage train]
// Needs the built packages (npm run setup), which it copies first. TMPDIR says where it works. Ends with 1 at the
// first thing that is wrong.
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { isolatedCommand } from "./isolated.mjs";
import { leftovers, locks, prepareStages, stages } from "./stages.mjs";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    stage: { type: "string", default: "" },
  },
});
const kills = Number(values.kills);
const killsPerRun = 6;

let state = Number(values.seed);
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

const root = mkdtempSync(join(tmpdir(), "fae-kill-"));
const command = isolatedCommand(join(root, "command"));
const data = join(root, "data");
mkdirSync(data);

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

const clean = (stage) => {
  for (const path of stage.paths) rmSync(path, { recursive: true, force: true });
};

/**
 * One run, killed up to `killsPerRun` times. Returns how often it was, how often it left something under its name (`found`) and
 * how often something unfinished (`cut`).
 */
async function killedRun(stage, { expected, milliseconds }, left) {
  const count = { kills: 0, found: 0, cut: 0 };
  while (!stage.finished()) {
    const isLast = count.kills >= Math.min(left, killsPerRun);
    const args = stage.isThere() ? stage.again : stage.first;
    const ended = await fae(args, isLast ? null : random() * milliseconds);
    if (!ended.wasKilled && ended.code !== 0)
      throw new Error(`after ${count.kills} kills, fae ${args.join(" ")} ended with ${ended.code}:\n${ended.err}`);
    if (ended.wasKilled) count.kills++;
    if (ended.wasKilled && leftovers(data).length > 0) count.cut++;
    if (!stage.isThere()) continue;
    if (ended.wasKilled) count.found++;
    await stage.check();
  }
  if (stage.digest() !== expected) throw new Error(`the result differs after ${count.kills} kills`);
  return count;
}

try {
  const started = performance.now();
  await prepareStages(data, mustPass);
  const all = (await stages(data, command, { batches: 640, cadence: 1 })).filter(({ name }) =>
    name.startsWith(values.stage),
  );
  const whole = new Map();
  for (const stage of all) {
    const { milliseconds } = await mustPass(stage.first);
    whole.set(stage, { expected: stage.digest(), milliseconds });
    clean(stage);
  }
  const counts = Object.fromEntries(all.map(({ name }) => [name, { kills: 0, found: 0, cut: 0, runs: 0 }]));
  let total = 0;
  for (let turn = 0; total < kills; turn++) {
    const stage = all[turn % all.length];
    const count = await killedRun(stage, whole.get(stage), kills - total).catch((cause) => {
      cpSync(data, `${root}-failed`, { recursive: true });
      throw new Error(`${stage.name}: see ${root}-failed`, { cause });
    });
    // What a killed process left beside is swept by the next one that runs to its end.
    if (leftovers(data).length + locks(data).length > 0) {
      clean(stage);
      await mustPass(stage.first);
      const rest = [...leftovers(data), ...locks(data)];
      if (rest.length > 0) throw new Error(`${stage.name}: left behind: ${rest.join(", ")}`);
    }
    clean(stage);
    total += count.kills;
    counts[stage.name].kills += count.kills;
    counts[stage.name].found += count.found;
    counts[stage.name].cut += count.cut;
    counts[stage.name].runs++;
    process.stderr.write(`${stage.name}: equal after ${count.kills} kills; ${total} kills\n`);
  }
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stdout.write(`${JSON.stringify({ kills: total, seconds, stages: counts })}\n`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
