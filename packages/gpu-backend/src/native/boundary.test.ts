import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Job, referenceEngine } from "@fae/core";
import { afterAll, describe, expect, it } from "vitest";
import { cpuEngine } from "../cpu/engine.js";
import { nativeJob } from "./job.js";
import { loadNative } from "./load.js";
import {
  featurelessProgram,
  featurelessWords,
  nativeMissing,
  randomTinyWords,
  tinyJob,
  tinyLayout,
  tinyPlan,
  tinyProgram,
  tinySegment,
  tinySource,
} from "./testing.js";

const folder = mkdtempSync(join(tmpdir(), "fae-boundary-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const missing = nativeMissing("cpu");
const packageRoot = fileURLToPath(new URL("../..", import.meta.url));
const onHost = tinyPlan(["host"], { on: "host" });
const onServers = tinyPlan(["server"], { on: "host" }, { servers: 1000 });
const addonPath = () =>
  Object.keys(createRequire(import.meta.url).cache).find((path) => path.endsWith("fae-cpu.node")) ?? "";

/** Runs `body` over the bare binding in a process with little address space; its output. */
function limited(mebibytes: number, job: Job, body: string): string {
  const { json, memory } = nativeJob(job);
  const input = JSON.stringify({ addon: addonPath(), json, memory: memory.map((words) => [...words]) });
  const script = `
    const { addon, json, memory } = ${input};
    const binding = require(addon);
    const open = () => binding.open(json, memory.map((words) => Uint32Array.from(words)));
    const say = ({ status, message }) => console.log(status, message);
    (async () => { ${body} })().catch(say);`;
  const command = `ulimit -v ${mebibytes * 1024}; exec "$0" -e "$1"`;
  const result = spawnSync("sh", ["-c", command, process.execPath, script], { encoding: "utf8", timeout: 60_000 });
  expect({ signal: result.signal, status: result.status, stderr: result.stderr }).toEqual({
    signal: null,
    status: 0,
    stderr: "",
  });
  return result.stdout;
}

/** A program whose rows have `width` values. */
const wide = (width: number) => ({
  ...tinyProgram,
  width,
  params: tinyProgram.params.map((param) =>
    param.name === "bottom"
      ? { ...param, shape: [width, 1] }
      : param.name === "top"
        ? { ...param, shape: [1, width + 3] }
        : param,
  ),
});

describe.skipIf(missing)("sizes and names of the native boundary", () => {
  it("evaluates as many rows as the session has, whatever the caller's source says later", async () => {
    const source = tinySource(randomTinyWords(30_000, 1));
    await using session = await cpuEngine().open(tinyJob(onHost, { sources: [source] }));
    for (const rows of [1, -1, Number.NaN, 2 ** 52]) {
      Object.assign(source, { rows });
      expect((await session.evaluate("train")).scores).toHaveLength(30_000);
    }
  });

  it("refuses NUL in the names of sources, tensors and calls", async () => {
    const sources = [tinySource(randomTinyWords(4, 1), "a\0b"), tinySource(randomTinyWords(3000, 1), "a")];
    await expect(cpuEngine().open(tinyJob(onHost, { sources }))).rejects.toThrow(/name' must be text without NUL/);
    await using session = await cpuEngine().open(tinyJob(onHost));
    for (const call of [
      session.evaluate("train\0x"),
      session.read("a\0x"),
      session.write("a\0x", new Float32Array(240)),
    ])
      await expect(call).rejects.toMatchObject({ code: "ERR_CONFIG", message: expect.stringMatching(/without NUL/) });
    expect((await session.evaluate("train")).scores).toHaveLength(50);
  });

  it("refuses a read that does not fit, with its bytes, and works on", async () => {
    const sources = [tinySource(randomTinyWords(4, 1))];
    await using session = await cpuEngine().open(tinyJob(onHost, { program: wide(1 << 16), sources }));
    const read = session.read("a", new Uint32Array(1e6));
    await expect(read).rejects.toMatchObject({ code: "ERR_OUT_OF_MEMORY", details: { needBytes: 2e6 * 65536 * 4 } });
    await expect(read).rejects.toThrow(/reading 'a' needs 500000 MiB.*Read fewer rows at a time/);
    expect(await session.read("bias")).toHaveLength(1);
  });

  it("refuses batches that cannot be counted or held", async () => {
    const open = (batch: number) => cpuEngine().open(tinyJob(onHost, { batch }));
    await expect(open(2 ** 31 - 1)).rejects.toThrow(
      /number of words of a batch is too large: 8589934588, at most 4294967295/,
    );
    await expect(open(2 ** 30 - 1)).rejects.toMatchObject({ code: "ERR_OUT_OF_MEMORY" });
  });

  it("refuses a pipe and a device as a source at once", async () => {
    const path = join(folder, "pipe");
    spawnSync("mkfifo", [path]);
    for (const special of [path, "/dev/zero", folder]) {
      const source = { ...tinySource(randomTinyWords(4, 1)), storage: { kind: "file", path: special } } as const;
      const opening = cpuEngine().open(tinyJob(onHost, { sources: [source] }));
      await expect(opening).rejects.toMatchObject({ code: "ERR_DATA", details: { path: special } });
      await expect(opening).rejects.toThrow(/not a regular file/);
      const tables = { a: { originalIdsPath: special } };
      await expect(cpuEngine().open(tinyJob(onHost, { tables }))).rejects.toThrow(/not a regular file.*table 'a'/);
    }
  });

  it("checks again what reaches the binding itself", async () => {
    const binding = loadNative("cpu");
    const { json, memory } = nativeJob(tinyJob(onServers));
    const set = (path: string, value: unknown) => {
      const job = JSON.parse(json);
      const names = path.split(".");
      const last = names.pop() ?? "";
      names.reduce((at, name) => at[name], job)[last] = value;
      return binding.open(JSON.stringify(job), memory);
    };
    await expect(set("plan.servers", 0)).rejects.toThrow(/servers must be in 1\.\.1024, found 0/);
    await expect(set("plan.staleness", 2 ** 32 - 1)).rejects.toThrow(/staleness must be in 0\.\.1024/);
    await expect(set("threads", 1e6)).rejects.toThrow(/threads must be in 0\.\.1024/);
    await expect(set("program.shapes.x", [2 ** 32])).rejects.toThrow(
      /an integer from 0 to 2147483647, found 4294967296/,
    );
    await expect(set("program.shapes.x", [0])).rejects.toThrow(/Value 'x' of the program has no elements/);
    await expect(set("sources.0.name", "a\0b")).rejects.toThrow(/without NUL/);
    await expect(set("sources.0.layout.hotness", new Array(70_000).fill(65_536))).rejects.toThrow(/has 70000 tables/);
  });

  it("takes a program without dense features", async () => {
    const words = featurelessWords(randomTinyWords(50, 1));
    const layout = { ...tinyLayout, denseFeatures: 0 };
    const sources = [{ ...tinySource(words), layout, rows: 50 }];
    const job = tinyJob(onHost, { program: featurelessProgram, sources });
    await using session = await cpuEngine().open(job);
    await using reference = await referenceEngine().open(job);
    await session.run(tinySegment("host", [0, 1]), [0.1, 0.1]);
    await reference.run(tinySegment("host", [0, 1]), [0.1, 0.1]);
    expect((await session.evaluate("train")).loss).toBeCloseTo((await reference.evaluate("train")).loss, 5);
  });

  it("takes no handle but its own, and no argument of another type", () => {
    const binding = loadNative("cpu") as unknown as Record<string, (...values: unknown[]) => unknown>;
    for (const name of ["run", "evaluate", "read", "write", "memory", "close", "open"])
      for (const values of [[], [{}], [null, "a"], [1, {}, {}], ["{}", [1]], ["\0", []], [Symbol("x"), Symbol("y")]])
        expect(() => binding[name](...values)).toThrow(/must be|Expected/);
    const twins = binding.twins as unknown as typeof binding;
    expect(() => twins.uniformRow(2 ** 32 - 1, 1, "a", 0, 1)).toThrow(/width/);
    expect(() => twins.permutation(4, 0, 0, Uint32Array.of(4))).toThrow(/position 4/);
    expect(() => twins.permutation(4, 0, 0, [1])).toThrow(/Uint32Array/);
  });
});

describe.skipIf(missing)("a process with little memory", () => {
  it("is told how many threads could not be had, and goes on", () => {
    const said = limited(3000, tinyJob(onServers), "await open().catch(say); console.log('alive');");
    expect(said).toMatch(/^4 Cannot start thread \d+ of 1000: .*ulimit -u.*fewer threads or servers\.\nalive\n$/);
  });

  it("is told when sessions have no thread left, and goes on", () => {
    const body = "const all = []; for (let i = 0; i < 1000; i++) all.push(await open()); console.log('never');";
    const said = limited(
      2500,
      tinyJob(onHost, { threads: 1 }),
      `try { ${body} } catch (error) { say(error); } process.exit(0);`,
    );
    expect(said).toMatch(/^(4 Cannot start thread|3 Host memory)/);
  });

  it("is told when a copy does not fit, and goes on", () => {
    const body = `
      const session = await open();
      const values = new Float32Array(3e8);
      try { await binding.write(session, "a", values, null); } catch (error) { say(error); }
      console.log((await binding.read(session, "a", null)).length);
      process.exit(0);`;
    const said = limited(2900, tinyJob(onHost, { threads: 1 }), body);
    expect(said).toMatch(/^3 Host memory could not be had.*\n240\n$/);
  });
});

describe.skipIf(missing)("hostile jobs, calls and ended threads", () => {
  it("end no process and give typed errors", () => {
    const script = join(packageRoot, "scripts/fuzz-boundary.mjs");
    const sizes = ["--jobs", "400", "--orders", "30", "--workers", "15"];
    const { stdout, status } = spawnSync(process.execPath, [script, "--addon", addonPath(), ...sizes], {
      encoding: "utf8",
    });
    expect(stdout).toMatch(/: 0 bugs/);
    expect(status).toBe(0);
  });
});

describe.skipIf(missing)("a call that is refused", () => {
  it("leaves the session as it was", async () => {
    await using session = await cpuEngine().open(tinyJob(onHost));
    const bad = [
      session.evaluate(null as unknown as string),
      session.run({ ...tinySegment("host", [0]), epoch: 2 ** 32 }, [0.1]),
      session.run(tinySegment("host", [0]), [Number.POSITIVE_INFINITY]),
      session.write("a", [1] as unknown as Float32Array),
      session.read("a", [0] as unknown as Uint32Array),
      session.write("#step", Float32Array.of(0.5, 0)),
    ];
    for (const call of bad) await expect(call).rejects.toMatchObject({ code: "ERR_CONFIG" });
    expect((await session.run(tinySegment("host", [0]), [0.1])).batches).toBe(1);
  });
});
