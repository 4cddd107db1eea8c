/**
 * The process that fuzzing may end: `node child.mjs MODE FIRST COUNT`. MODE: jobs, orders, or workers. Writes the seed that is
 * running to the file of FAE_FUZZ_PROGRESS, and prints a line for every error that is no FaeError.
 */
import { openSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type Job, Random } from "@fae/core";
import type { NativeBinding } from "../../src/native/binding.js";
import { openNativeSession } from "../../src/native/session.js";
import { bareError, type Open, randomOrder, setting } from "./calls.js";
import { hostileJob, takesLong } from "./hostile.js";

const addon = process.env.FAE_FUZZ_ADDON ?? "";
const hasHost = process.env.FAE_FUZZ_HAS_HOST === "1";
const binding = createRequire(import.meta.url)(addon) as NativeBinding;
const open: Open = (job: Job) => openNativeSession(binding, job);

/** A job with hostile values: opened, and used when it opens. */
async function oneJob(seed: number): Promise<string[]> {
  const random = new Random(seed);
  const { job, problem, variant } = setting(random, hasHost);
  const broken = hostileJob(random, job);
  if (takesLong(broken)) return [];
  try {
    await using session = await open(broken);
    for (const step of problem.orders[variant.order].slice(0, 3)) {
      if (step.kind === "evaluate") await session.evaluate(step.source);
      else await session.run({ ...step.segment, route: variant.routeOf(step.isHot) }, step.learningRates);
    }
    await session.read(problem.job.program.tables[0].name);
    return [];
  } catch (error) {
    const bug = bareError(error);
    return bug === null ? [] : [bug];
  }
}

/** A worker thread that works until it is ended, at a random moment. */
async function oneWorker(seed: number): Promise<string[]> {
  const random = new Random(seed);
  const bugs: string[] = [];
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { seed } });
  worker.on("error", (error) => bugs.push(String(error)));
  await new Promise<void>((resolve) => {
    worker.on("message", (bug: string) => (bug === "" ? resolve() : void bugs.push(bug)));
    worker.once("exit", () => resolve());
  });
  await sleep(random.below(30));
  await worker.terminate();
  return bugs;
}

async function workUntilEnded(seed: number): Promise<void> {
  const random = new Random(seed);
  parentPort?.postMessage("");
  for (;;) for (const bug of await randomOrder(random, open, hasHost)) parentPort?.postMessage(bug);
}

const modes = {
  jobs: oneJob,
  orders: (seed: number) => randomOrder(new Random(seed), open, hasHost),
  workers: oneWorker,
} as const;

if (!isMainThread) await workUntilEnded(workerData.seed);
else {
  const [mode, first, count] = process.argv.slice(2);
  const progress = openSync(process.env.FAE_FUZZ_PROGRESS ?? "/dev/null", "w");
  for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
    writeSync(progress, `${seed}`.padEnd(16), 0);
    for (const bug of await modes[mode as keyof typeof modes](seed)) console.log(`BUG ${mode} ${seed}: ${bug}`);
  }
  process.exit(0);
}
