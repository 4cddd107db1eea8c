import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { opCases } from "./conformance/cases.js";
import { randomProblem, variantsOf } from "./conformance/index.js";
import {
  ConfigError,
  compile,
  type Job,
  opOf,
  PlanError,
  ProgramBuilder,
  plainRefusals,
  referenceEngine,
  ShapeError,
  stepOf,
} from "./index.js";

const folder = mkdtempSync(join(tmpdir(), "fae-read-job-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const problem = randomProblem(2);
const [variant] = variantsOf(problem);
const job: Job = { ...problem.job, plan: variant.plan };
const open = (change: object) => referenceEngine().open({ ...job, ...change });
const [source] = job.sources;
const [node] = job.program.nodes;
const nodes = (change: object) => ({ program: { ...job.program, nodes: [{ ...node, ...change }] } });

describe("a job of wrong types", () => {
  it.each<[string, object, RegExp]>([
    ["optimizer null", { optimizer: null }, /'optimizer' must be an object, found null/],
    ["program null", { program: null }, /'program' must be an object, found null/],
    ["plan undefined", { plan: undefined }, /'plan' must be an object, found undefined/],
    ["sources no array", { sources: {} }, /'sources' must be an array, found an object/],
    [
      "words of another type",
      { sources: [{ ...source, storage: { kind: "memory", words: [1] } }] },
      /words' must be a Uint32Array/,
    ],
    ["batch a string", { batch: "8" }, /'batch' must be an integer from 1 to 2147483647, found '8'/],
    ["batch of 2^31", { batch: 2 ** 31 }, /'batch' .* found 2147483648/],
    ["seed NaN", { seed: Number.NaN }, /'seed' .* found NaN/],
    ["seed -1", { seed: -1 }, /'seed' .* found -1/],
    ["threads 1e9", { threads: 1e9 }, /'threads' must be an integer from 0 to 1024, found 1000000000/],
    ["shuffle seed 1.5", { sources: [{ ...source, shuffleSeed: 1.5 }] }, /'sources\[0\]\.shuffleSeed' .* found 1\.5/],
    ["NUL in a name", { sources: [{ ...source, name: "a\0b" }] }, /'sources\[0\]\.name' must be text without NUL/],
    ["half a surrogate pair", { sources: [{ ...source, name: "\ud800" }] }, /without NUL and unpaired surrogates/],
    ["an unknown op", nodes({ op: "toString" }), /'program\.nodes\[0\]\.op' must be one of linear,/],
    ["attributes null", nodes({ attributes: null }), /'program\.nodes\[0\]\.attributes' must be an object, found null/],
    [
      "an attribute of another type",
      nodes({ op: "reduce-sum", attributes: { axis: "0", squeeze: true } }),
      /'program\.nodes\[0\]\.attributes\.axis' must be a number, found '0'/,
    ],
    [
      "an activation that is not there",
      nodes({ op: "activation", attributes: { kind: "none" } }),
      /'program\.nodes\[0\]\.attributes\.kind' must be one of relu, sigmoid, found 'none'/,
    ],
    [
      "a factor that float32 does not hold",
      nodes({ op: "add", attributes: { scales: [1, 1e39] } }),
      /'program\.nodes\[0\]\.attributes\.scales\[1\]' must be a finite number, found 1e\+39/,
    ],
    ["tables null", { tables: null }, /'tables' must be an object, found null/],
  ])("is refused, naming the value: %s", async (_, change, message) => {
    await expect(open(change)).rejects.toThrow(ConfigError);
    await expect(open(change)).rejects.toThrow(message);
  });

  it("is refused by `refuses` too", () => {
    const plan = null as unknown as Job["plan"];
    expect(plainRefusals({ ...job, plan })).toEqual([expect.stringMatching(/'plan' must be an object/)]);
  });
});

describe("opening", () => {
  it.each([
    [{ servers: 0 }, /servers must be in 1\.\.1024, found 0/],
    [{ servers: 1e6 }, /servers must be in 1\.\.1024, found 1000000/],
    [{ staleness: 2 ** 32 - 1 }, /staleness must be in 0\.\.1024, found 4294967295/],
  ])("checks the plan: %j", async (change, message) => {
    const placements = Object.fromEntries(job.program.tables.map(({ name }) => [name, { on: "host" }]));
    const opening = open({ plan: { ...job.plan, routes: ["server"], placements, ...change } });
    await expect(opening).rejects.toThrow(PlanError);
    await expect(opening).rejects.toThrow(message);
  });

  it("takes a copy: what the caller changes afterwards does not matter", async () => {
    const own = structuredClone(job) as { sources: { rows: number }[]; batch: number } & Job;
    await using session = await referenceEngine().open(own);
    const before = await session.evaluate("train");
    own.sources[0].rows = 1;
    Object.assign(own, { batch: Number.NaN });
    expect((await session.evaluate("train")).scores).toEqual(before.scores);
  });

  it("refuses a pipe as a source at once", async () => {
    const path = join(folder, "pipe");
    spawnSync("mkfifo", [path]);
    await expect(open({ sources: [{ ...source, storage: { kind: "file", path } }] })).rejects.toThrow(
      /pipe' .*is a FIFO, expected a file|pipe' .*is not a regular file/,
    );
  });
});

describe("a segment", () => {
  const batches = Uint32Array.of(0);
  const segment = { kind: "segment", route: variant.plan.routes[0], source: "train", epoch: 0, batches } as const;
  it.each<[object, unknown, RegExp]>([
    [{ epoch: 2 ** 40 }, [0.1], /'segment\.epoch' must be an integer from 0 to 4294967295, found 1099511627776/],
    [{ epoch: Number.NaN }, [0.1], /'segment\.epoch' .* found NaN/],
    [{ epoch: -1 }, [0.1], /'segment\.epoch' .* found -1/],
    [{ batches: [0] }, [0.1], /'segment\.batches' must be a Uint32Array, found an array/],
    [{}, ["x"], /'learningRates\[0\]' must be a finite number, found 'x'/],
    [{}, new Array(1), /'learningRates\[0\]' must be a finite number, found undefined/],
    [{}, [Number.NaN], /'learningRates\[0\]' .* found NaN/],
    [{}, [1e308], /'learningRates\[0\]' .* found 1e\+308/],
    [{}, null, /'learningRates' must be an array, found null/],
  ])("with wrong values is refused, and the session works on: %j %j", async (change, rates, message) => {
    await using session = await open({});
    const run = session.run({ ...segment, ...change }, rates as number[]);
    await expect(run).rejects.toThrow(ConfigError);
    await expect(run).rejects.toThrow(message);
    expect((await session.run(segment, [0.1])).batches).toBe(1);
  });

  it.each([
    [0.5, 0],
    [Number.POSITIVE_INFINITY, 0],
    [3e38, 3e38],
    [-1, 0],
    [Number.NaN, 0],
  ])("never follows a step of %d and %d", async (...values) => {
    await using session = await open({});
    await expect(session.write("#step", Float32Array.from(values))).rejects.toThrow(/'#step' must be two integers/);
    expect(stepOf(await session.read("#step"))).toBe(0);
  });
});

describe("attributes", () => {
  it.each(opCases.map(({ name, node }) => [name, node] as const))(
    "of %s are read as they are",
    (_, { op, attributes }) => {
      const read = opOf(op).attributes({ ...attributes, unknown: 1 }, "attributes");
      expect(Object.entries(read)).toEqual(Object.entries(attributes));
    },
  );
});

describe("compile", () => {
  const { program } = job;
  it.each([
    ["a width of 2^31", { width: 2 ** 31 }],
    ["a table of 2^32 rows", { tables: [{ ...program.tables[0], rows: 2 ** 32 }] }],
    ["a parameter of 2^32 rows", { params: [{ ...program.params[0], shape: [2 ** 32, 1] }] }],
    ["more than 2^31 pooled values", { width: 2 ** 30, steps: 4 }],
  ])("refuses %s", (_, change) => {
    expect(() => compile({ ...program, ...change })).toThrow(ShapeError);
    expect(() => compile({ ...program, ...change })).toThrow(/below 2\^31/);
  });

  it("refuses a value without elements, and a sum over none", () => {
    const featureless = () => {
      const b = new ProgramBuilder({ name: "no features", denseFeatures: 0, width: 2 });
      b.table("emb", 3);
      return b;
    };
    const b = featureless();
    expect(() => b.reduceSum(b.dense)).toThrow(/must be with an axis 0 to sum, found \[B, 0\]/);
    expect(b.build(b.linear(b.concat([b.dense, b.rows]), 1)).denseFeatures).toBe(0);
    const c = featureless();
    const nothing = c.concat([c.activation(c.dense, "relu"), c.rows]);
    expect(() => c.build(c.linear(nothing, 1))).toThrow(/must be at least one element, found \[B, 0\]/);
  });

  it("takes `__proto__` for a name like others", () => {
    const rename = (name: string) => (name === program.logit ? "__proto__" : name);
    const nodes = program.nodes.map((each) => ({ ...each, output: rename(each.output) }));
    const compiled = compile({ ...program, nodes, logit: "__proto__" } as Job["program"]);
    expect(Object.entries(compiled.shapes).find(([name]) => name === "__proto__")?.[1]).toEqual([1]);
  });
});
