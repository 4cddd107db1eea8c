// Lets every single write, fsync and rename of prepare, pack, train with checkpoints, and export fail, one at a time, lets every
// write be short, and looks at what is left: everything under its final name opens, and a repeated or resumed run gives the bits of one that met
// no fault.
//   node apps/trainer/scripts/faults.mjs [--every 1] [--how once,full,short,short-full] [--stage train]
// Needs the built packages (npm run setup). Ends with 1 at the first thing that is wrong. About half an hour for all.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { withFaults } from "./fs-faults.mjs";
import { isolatedCommand } from "./isolated.mjs";
import { leftovers, locks, prepareStages, stages } from "./stages.mjs";

const { values } = parseArgs({
  options: {
    every: { type: "string", default: "1" },
    how: { type: "string", default: "once,full,short,short-full" },
    stage: { type: "string", default: "" },
  },
});
const every = Number(values.every);

const root = mkdtempSync(join(tmpdir(), "fae-faults-"));
const command = isolatedCommand(join(root, "command"));
const { main } = await import(pathToFileURL(join(command, "../index.js")).href);
const data = join(root, "data");
mkdirSync(data);

/** Runs the command in this process. */
async function fae(args) {
  let text = "";
  const stream = {
    isTTY: false,
    write(chunk) {
      text += chunk;
      return true;
    },
  };
  const io = { stdout: stream, stderr: stream, now: () => performance.now(), signal: new AbortController().signal };
  const code = await main(args, io);
  return { code, text };
}

async function mustPass(args) {
  const ended = await fae(args);
  if (ended.code !== 0) throw new Error(`fae ${args.join(" ")} ended with ${ended.code}:\n${ended.text}`);
}

/** One operation fails; afterwards everything must be well. Returns whether one did. */
async function one(stage, how, n, expected) {
  const clean = () => {
    for (const path of stage.paths) rmSync(path, { recursive: true, force: true });
  };
  const { operations, failed, value, error } = await withFaults({ n, how }, () => fae(stage.first));
  const told = `${stage.name}, operation ${n} of ${operations} ${how}`;
  try {
    if (error) throw error;
    if (value.code !== 0 && !/^error: /m.test(value.text)) throw new Error(`no message:\n${value.text}`);
    if (value.code !== 0 && /internal|TypeError|at file:/.test(value.text))
      throw new Error(`bad message:\n${value.text}`);
    if (how === "short" && value.code !== 0) throw new Error("a short write is no failure");
    if (failed > 0 && value.code === 0 && stage.digest() !== expected)
      throw new Error("it passed, and the result differs");
    if (stage.isThere()) await stage.check();
    // A command's process has ended before the next one begins; here it is the same one, and a lock that is left would bar it.
    if (!stage.finished()) await mustPass(stage.isThere() ? stage.again : stage.first);
    await stage.check();
    if (stage.digest() !== expected) throw new Error("the result differs");
    const left = [...leftovers(data), ...locks(data)];
    if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
  } catch (cause) {
    cpSync(data, `${root}-failed`, { recursive: true });
    throw new Error(`${told}: see ${root}-failed\n${value?.text ?? ""}`, { cause });
  }
  clean();
  return failed > 0;
}

try {
  await prepareStages(data, mustPass);
  const totals = {};
  for (const stage of await stages(data, command)) {
    if (!stage.name.startsWith(values.stage)) continue;
    const counted = await withFaults({ n: 0, how: "once" }, () => mustPass(stage.first));
    if (counted.error) throw counted.error;
    const expected = stage.digest();
    for (const path of stage.paths) rmSync(path, { recursive: true, force: true });
    const total = { operations: counted.operations };
    for (const how of values.how.split(",")) {
      const started = performance.now();
      total[how] = 0;
      for (let n = 1; n <= counted.operations; n += every) total[how] += (await one(stage, how, n, expected)) ? 1 : 0;
      total[`${how}Seconds`] = Math.round((performance.now() - started) / 1000);
    }
    totals[stage.name] = total;
    process.stderr.write(`${stage.name}: ${JSON.stringify(total)}\n`);
  }
  process.stdout.write(`${JSON.stringify(totals)}\n`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
