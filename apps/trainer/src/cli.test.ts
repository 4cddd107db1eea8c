import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError, FaeError } from "@fae/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { defineCommand, option } from "./cli/command.js";
import { captureIo } from "./cli/test-io.js";
import { byteCount, choice, count, flag, number, text } from "./cli/values.js";
import { main } from "./cli.js";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "fae-cli-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const echo = defineCommand({
  name: "echo",
  summary: "Prints its options.",
  operands: ["<what>", "[more...]"],
  options: {
    batch: option("--batch <inputs>", "inputs per batch", count(1).default(1024)),
    budget: option("--budget <bytes>", "device bytes", byteCount().optional()),
    learningRate: option("--learning-rate <rate>", "rate", number({ above: 0 }).default(0.1)),
    shuffle: option("--shuffle <how>", "order", choice(["none", "total"]).default("none")),
    exact: option("--exact", "count everything", flag()),
    fail: option("--fail <how>", "throws", text().optional()),
  },
  example: "fae echo hello --batch 7",
  run: async (operands, options, context) => {
    context.log("working");
    if (options.fail === "data") throw new DataError("The file is broken.", { fix: "Prepare it again." });
    if (options.fail === "interrupt") throw new FaeError("ERR_INTERRUPTED", "echo was interrupted.");
    if (options.fail === "defect") throw new TypeError("x is not a function");
    return { json: { operands, ...options }, text: `text of ${operands.join(" ")}` };
  },
});
const other = defineCommand({
  name: "other",
  summary: "Does nothing.",
  operands: [],
  options: { sample: option("--sample <percent>", "share", number().optional()) },
  example: "fae other",
  run: async () => ({ json: {}, text: "nothing", exitCode: 1 }),
});

async function fae(...args: string[]) {
  const io = captureIo();
  const code = await main(args, io, [echo, other]);
  return { code, out: io.out(), err: io.err() };
}
const config = (content: string): string => {
  const path = join(directory, "run.yaml");
  writeFileSync(path, content);
  return path;
};

test("prints text for people on stdout and logs on stderr", async () => {
  expect(await fae("echo", "a", "b")).toEqual({ code: 0, out: "text of a b\n", err: "working\n" });
});

test("--json prints exactly one object on stdout", async () => {
  const { code, out } = await fae("echo", "a", "--json", "--budget", "256MiB", "--exact");
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    operands: ["a"],
    batch: 1024,
    budget: 268_435_456,
    learningRate: 0.1,
    shuffle: "none",
    exact: true,
  });
});

test("a command may answer no without an error", async () => {
  expect((await fae("other")).code).toBe(1);
});

test("the command line wins over the file, the file over defaults", async () => {
  const path = config("batch: 64\nlearning-rate: 0.5\n");
  const { out } = await fae("echo", "a", "--json", "--config", path, "--batch", "2k");
  expect(JSON.parse(out)).toMatchObject({ batch: 2000, learningRate: 0.5, shuffle: "none" });
});

test("a section of the file speaks to its command only", async () => {
  const path = config("echo:\n  batch: 3\nother:\n  sample: 5\n");
  expect(JSON.parse((await fae("echo", "a", "--json", "--config", path)).out).batch).toBe(3);
});

test.each([
  ["batchs: 3\n", "line 1: 'batchs' is not an option of 'fae echo'. Did you mean 'batch'?"],
  ["# note\nbatch: 0\n", "line 2: batch: found 0, expected a whole number of at least 1."],
  ["echo:\n  sampel: 3\n", "line 2: 'sampel' is not an option of 'fae echo'. Known: batch,"],
  ["batch: [1\n", "line 2 is not YAML"],
  ["- batch\n", "must hold 'option: value' lines"],
])("refuses the configuration %j", async (content, message) => {
  const { code, out, err } = await fae("echo", "a", "--config", config(content));
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toContain(message);
});

test.each([
  [["echo", "a", "--batch", "0"], `Option --batch: found "0", expected a whole number of at least 1.`],
  [["echo", "a", "--batch", "1.5"], `found "1.5"`],
  [["echo", "a", "--batch", "many"], `found "many"`],
  [["echo", "a", "--budget", "3 apples"], "expected bytes such as 256MiB"],
  [["echo", "a", "--learning-rate", "0"], "expected a number above 0."],
  [["echo", "a", "--shuffle", "totall"], "expected one of none, total. Did you mean 'total'?"],
  [["echo", "a", "--bach", "3"], "Unknown option '--bach'. Did you mean --batch?"],
  [["echo"], "Missing required argument 'what'."],
  [["ecko"], "Unknown command 'ecko'. Did you mean echo?"],
  [[], "A command is missing."],
  [["echo", "a", "--config", "/no/such/file.yaml"], "Cannot read the configuration file /no/such/file.yaml"],
])("answers %j with one clear line", async (args, message) => {
  const { code, out, err } = await fae(...args);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toContain(message);
  expect(err).toMatch(/error: /);
  expect(err).not.toContain("    at ");
});

test("a missing option is named with what it takes", async () => {
  const needy = defineCommand({
    name: "needy",
    summary: "Needs an option.",
    operands: [],
    options: { model: option("--model <name>", "rmc1 or rmc2", choice(["rmc1", "rmc2"])) },
    example: "fae needy --model rmc1",
    run: async () => ({ json: {}, text: "" }),
  });
  const io = captureIo();
  expect(await main(["needy"], io, [needy])).toBe(1);
  expect(io.err()).toBe("error: Option --model is missing. Give --model <name>: rmc1 or rmc2.\n");
});

test("an error is one message without stack, and with --debug a stack", async () => {
  expect(await fae("echo", "a", "--fail", "data")).toMatchObject({
    code: 1,
    err: "working\nerror: The file is broken. Prepare it again.\n",
  });
  expect((await fae("echo", "a", "--fail", "data", "--debug")).err).toContain("    at ");
});

test("with --json an error is the one object on stdout", async () => {
  const { code, out } = await fae("echo", "a", "--json", "--fail", "data");
  expect(code).toBe(1);
  expect(JSON.parse(out).error).toMatchObject({ code: "ERR_DATA" });
});

test("an interruption ends with 130, a defect shows its stack", async () => {
  expect((await fae("echo", "a", "--fail", "interrupt")).code).toBe(130);
  expect(await fae("echo", "a", "--fail", "defect")).toMatchObject({
    code: 1,
    err: expect.stringContaining("    at "),
  });
});

test("help shows options with defaults and the example", async () => {
  const { code, out } = await fae("echo", "--help");
  expect(code).toBe(0);
  expect(out).toContain("--batch <inputs>");
  expect(out).toContain("(default: 1024)");
  expect(out).toContain("fae echo hello --batch 7");
});
