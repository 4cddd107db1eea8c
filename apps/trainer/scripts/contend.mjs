// Lets several processes make the same thing at the same time, round after round: exactly one may succeed, the others must be told
// that it is in use or there already, and what is there must be what one process alone makes. Every other round begins with the
// lock of a process that has died.
//   node apps/trainer/scripts/contend.mjs [--processes 4] [--rounds 100] [--stage prepare,pack,profile]
// Needs the built packages. Ends with 1 at the first round that is wrong.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { digest } from "./stages.mjs";

const { values } = parseArgs({
  options: {
    processes: { type: "string", default: "4" },
    rounds: { type: "string", default: "100" },
    stage: { type: "string", default: "prepare,pack,profile" },
  },
});
const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "fae-contend-"));
const at = (name) => join(root, name);

/** Runs the command; its exit code, what it told, and its process. */
function fae(...args) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, text, pid: child.pid })));
}

async function mustPass(...args) {
  const { code, text } = await fae(...args);
  if (code !== 0) throw new Error(`fae ${args.join(" ")} ended with ${code}:\n${text}`);
}

const profiled = ["--model", "dlrm", "--width", "4", "--budget", "4KiB", "--small-tables", "0"];
const stages = {
  prepare: () => ["prepare", "criteo-kaggle", at("raw"), "--workers", "1", "--out", at("out")],
  pack: () => ["pack", at("data"), "--workers", "1", "--out", at("out")],
  profile: () => ["profile", at("data"), ...profiled, "--workers", "1", "--out", at("out")],
};

/** A profile holds how long it took: its counts do not. */
const digestOf = (stage) => (stage === "profile" ? digest(join(at("out"), "counts.u32")) : digest(at("out")));

/** The lock that a process had which has died. @returns its name, learned from one that is at work */
async function deadLock(stage) {
  const child = fae(...stages[stage]());
  let name;
  while (name === undefined) {
    await new Promise((resume) => setTimeout(resume, 2));
    name = readdirSync(root).find((entry) => entry.startsWith(".out.lock-"));
  }
  const { pid } = await child;
  if (!name.includes(`-${pid}-`)) throw new Error(`${name} is not of ${pid}`);
  return name;
}

async function round(stage, number, dead, expected) {
  rmSync(at("out"), { recursive: true, force: true });
  if (number % 2 === 1) writeFileSync(at(dead), "held\n");
  const ended = await Promise.all(Array.from({ length: Number(values.processes) }, () => fae(...stages[stage]())));
  const passed = ended.filter(({ code }) => code === 0);
  const refused = ended.filter(({ code, text }) => code !== 0 && /is in use by process|exists already/.test(text));
  // A profile replaces an older one: who comes when the first has ended works too, after it.
  const isOne = stage === "profile" ? passed.length >= 1 : passed.length === 1;
  const isLeft = readdirSync(root).some((name) => /lock-|partial/.test(name));
  if (isOne && passed.length + refused.length === ended.length && !isLeft && digestOf(stage) === expected) return;
  const told = ended.map(({ code, text }) => `${code}: ${text}`).join("\n");
  throw new Error(
    `${stage}, round ${number}: ${passed.length} passed; there is ${readdirSync(root).join(" ")}\n${told}`,
  );
}

try {
  await mustPass("synth", "criteo-kaggle", "--rows", "400", "--scale", "0.0001", "--format", "raw", "--out", at("raw"));
  await mustPass("prepare", "criteo-kaggle", at("raw"), "--out", at("data"));
  await mustPass("profile", at("data"), ...profiled);
  for (const stage of values.stage.split(",")) {
    const dead = await deadLock(stage);
    const expected = digestOf(stage);
    for (let number = 1; number <= Number(values.rounds); number++) await round(stage, number, dead, expected);
    rmSync(at("out"), { recursive: true, force: true });
    process.stderr.write(`${stage}: ${values.rounds} rounds of ${values.processes} processes\n`);
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
