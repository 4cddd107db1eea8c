import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { RouteName } from "@fae/core";
import { describe, expect, it } from "vitest";
import { nativeJob } from "../native/job.js";
import { nativeMissing, randomTinyWords, tinyJob, tinyPlan, tinySegment, tinySource } from "../native/testing.js";
import { cpuEngine } from "./engine.js";

const missing = nativeMissing("cpu");
const addonPath = () =>
  Object.keys(createRequire(import.meta.url).cache).find((path) => path.endsWith("fae-cpu.node")) ?? "";

const plans = [
  tinyPlan(["host"], { on: "host" }),
  tinyPlan(["hybrid"], { on: "host" }),
  tinyPlan(["mixed"], { on: "split", hotRows: 2 }, { lookAhead: 3 }),
  tinyPlan(["server"], { on: "host" }, { servers: 3, staleness: 1 }),
];
const many = Array.from({ length: 400 }, (_, i) => i % 7);
const rates = many.map(() => 0.01);

/** Code of a worker or process that opens a session with the bare binding, without TypeScript. */
const script = (body: string) => `
  const { workerData, parentPort } = require("node:worker_threads");
  const { addon, json, memory, route } = workerData ?? JSON.parse(process.argv[1]);
  const binding = require(addon);
  const segment = { route, source: "train", epoch: 0,
    batches: Uint32Array.from({ length: 2000 }, (_, i) => i % 7), learningRates: new Float64Array(2000).fill(0.01) };
  binding.open(json, memory.map((words) => Uint32Array.from(words))).then(async (session) => { ${body} });
`;
const inputOf = (plan: (typeof plans)[number]) => {
  const { json, memory } = nativeJob(tinyJob(plan));
  return { addon: addonPath(), json, memory: memory.map((words) => [...words]), route: plan.routes[0] };
};

describe.skipIf(missing)("ownership", () => {
  it("1,000 sessions leave memory flat", async () => {
    const engine = cpuEngine();
    const cycle = async (i: number) => {
      const plan = plans[i % plans.length];
      await using session = await engine.open(tinyJob(plan));
      await session.run(tinySegment(plan.routes[0], [0, 6]), [0.1, 0.1]);
    };
    for (let i = 0; i < 200; i++) await cycle(i);
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 1000; i++) await cycle(i);
    expect(process.memoryUsage().rss - before).toBeLessThan(32 << 20);
  });

  it.each(plans)("closing during a run lets it finish: $routes", async (plan) => {
    const session = await cpuEngine().open(tinyJob(plan));
    const report = session.run(tinySegment(plan.routes[0], many), rates);
    await Promise.all([session[Symbol.asyncDispose](), report]);
    expect((await report).batches).toBe(400);
  });

  it("sessions run beside each other", async () => {
    const sessions = await Promise.all(plans.map((plan) => cpuEngine().open(tinyJob(plan))));
    const reports = await Promise.all(
      sessions.map((session, i) => session.run(tinySegment(plans[i].routes[0] as RouteName, many), rates)),
    );
    const [host, hybrid, mixed] = reports.map((report) => [...report.losses]);
    expect(hybrid).toEqual(host);
    expect(mixed).toEqual(host);
    await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));
  });

  it.each(plans)("a worker that ends during a run takes its session with it: $routes", async (plan) => {
    for (const how of [
      "process.exit()",
      "await binding.read(session, 'a', null); parentPort.postMessage(1); await new Promise(() => {})",
    ]) {
      const worker = new Worker(script(`binding.run(session, segment); ${how}`), {
        eval: true,
        workerData: inputOf(plan),
      });
      const exited = new Promise((resolve) => worker.once("exit", resolve));
      if (how.startsWith("await")) {
        await new Promise((resolve) => worker.once("message", resolve));
        await worker.terminate();
      }
      expect(await exited).toBeTypeOf("number");
    }
    await using session = await cpuEngine().open(tinyJob(plan));
    expect((await session.run(tinySegment(plan.routes[0], [0]), [0.1])).batches).toBe(1);
  });

  it.each([
    ["ends by itself with an open, idle session", "", 0],
    ["waits for a call in flight", "await binding.run(session, segment); process.exitCode = 7", 7],
    ["exits in the middle of a run", "binding.run(session, segment); setTimeout(() => process.exit(3), 5)", 3],
  ] as const)("a process %s", (_, body, code) => {
    const result = spawnSync(process.execPath, ["-e", script(body), JSON.stringify(inputOf(plans[2]))], {
      timeout: 30_000,
    });
    expect(result.stderr.toString()).toBe("");
    expect(result.status).toBe(code);
  });

  it("a session that is forgotten is closed when it is collected", () => {
    const body = `
      session = null;
      const rss = () => { for (let i = 0; i < 4; i++) global.gc(); return process.memoryUsage().rss; };
      const cycle = async () => { for (let i = 0; i < 60; i++) { await binding.open(json, memory.map((words) => Uint32Array.from(words))); if (i % 10 === 0) { rss(); await new Promise(setImmediate); } } };
      await cycle();
      const before = rss();
      await cycle(); await cycle();
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (rss() - before > 64 << 20) process.exitCode = 9;
    `;
    const job = tinyJob(plans[0], { sources: [tinySource(randomTinyWords(200_000, 3))] });
    const { json } = nativeJob(job);
    const input = { ...inputOf(plans[0]), json, memory: [] as number[][] };
    const code = script(body).replace(
      "JSON.parse(process.argv[1])",
      "(() => { const input = JSON.parse(process.argv[1]); input.memory = [new Uint32Array(800000)]; return input; })()",
    );
    const result = spawnSync(process.execPath, ["--expose-gc", "-e", code, JSON.stringify(input)], { timeout: 60_000 });
    expect(result.stderr.toString()).toBe("");
    expect(result.status).toBe(0);
  });

  it("refuses calls on a closed handle", async () => {
    const body =
      "await binding.close(session); await binding.read(session, 'a', null).catch((error) => { process.exitCode = error.status; })";
    const result = spawnSync(process.execPath, ["-e", script(body), JSON.stringify(inputOf(plans[0]))], {
      timeout: 30_000,
    });
    expect(result.status).toBe(8);
    await sleep(0);
  });
});
