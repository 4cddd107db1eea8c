import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { exampleResult } from "../test/example-result.js";
import { tinyBench } from "../test/tiny-bench.js";
import { main } from "./cli.js";
import { writeResult } from "./result-file.js";
import { scenarios } from "./scenarios/index.js";

async function run(...args: string[]) {
  let out = "";
  let errors = "";
  const code = await main(args, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (errors += text) },
    environment: { FAE_COMMIT: "abc" },
    signal: new AbortController().signal,
  });
  return { code, out, errors };
}

test("list names every scenario", async () => {
  const { code, out } = await run("list");
  expect(code).toBe(0);
  const lines = out.trim().split("\n");
  expect(lines).toHaveLength(scenarios.length);
  scenarios.forEach(({ name, describes }, i) => {
    expect(lines[i]).toMatch(new RegExp(`^${name} `));
    expect(lines[i]).toContain(describes);
  });
});

test("every command shows an example", async () => {
  for (const command of ["run", "list", "compare", "report"]) {
    const { code, out } = await run(command, "--help");
    expect(code).toBe(0);
    expect(out).toMatch(/Examples?:\n {2}fae-bench /);
  }
});

const mistakes: [string, string[], RegExp][] = [
  ["an unknown scenario", ["run", "speedup"], /no scenario 'speedup'\. Did you mean 'speed-up'/],
  ["an unknown command", ["rnu"], /Unknown command 'rnu'\. Did you mean run/],
  ["a missing command", [], /A command is missing/],
  ["no repeats", ["run", "--repeats", "0"], /whole number of at least 1/],
  ["a budget that is no size", ["run", "--budget", "much"], /'much' is not a number of bytes/],
  ["an unknown engine", ["run", "--engine", "refrence"], /no engine 'refrence'.*Did you mean 'reference'/],
  ["an empty folder", ["run", "--out", ""], /--out is empty/],
  ["results that are not there", ["report", "/no/such/folder"], /not a folder of results/],
  ["a result that is not there", ["compare", "/no/a.json", "/no/b.json"], /cannot be read/],
];
test.each(mistakes)("says what is wrong with %s", async (_, args, message) => {
  const { code, errors, out } = await run(...args);
  expect(code).toBe(1);
  expect(errors).toMatch(message);
  expect(errors).not.toContain("    at ");
  expect(out).not.toContain("json");
});

test.each([["out"], ["cache"]])(
  "a folder of --%s that cannot be written to is refused before anything is made",
  async (option) => {
    using bench = tinyBench();
    const file = join(bench.cacheDirectory, "file");
    writeFileSync(file, "");
    for (const path of [file, join(file, "below"), ""]) {
      const places = { cache: bench.cacheDirectory, out: join(bench.cacheDirectory, "out"), [option]: path };
      const flags = ["--quick", "--engine", "reference", "--cache", places.cache, "--out", places.out];
      const { code, out, errors } = await run("run", "micro", ...flags);
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(errors).toContain(path === "" ? `--${option} is empty.` : `--${option} '${path}' cannot be written to: E`);
      expect(errors).not.toMatch(/== micro| {4}at /);
    }
  },
);

const missing: [string, string[], RegExp][] = [
  ["Python", ["--python", "/no/such/python"], /Python '\/no\/such\/python' cannot be used.*import torch/],
  ["checkout of dlrm", ["--reference-dlrm", "/no/dlrm"], /no checkout of facebookresearch\/dlrm.*Clone/],
  ["checkout of tbsm", ["--reference-tbsm", "/no/tbsm"], /no checkout of facebookresearch\/tbsm/],
];
test.each(missing)("a missing %s fails the peers", async (_, flags, message) => {
  using bench = tinyBench();
  const places = ["--cache", bench.cacheDirectory, "--out", join(bench.cacheDirectory, "out")];
  const { code, out } = await run("run", "peers", "--quick", "--engine", "reference", ...places, ...flags);
  expect(code).toBe(1);
  expect(out).toMatch(message);
});

test("compare prints ratios, and refuses another machine unless told", async () => {
  using bench = tinyBench();
  const at = (name: string) => join(bench.cacheDirectory, name);
  const a = await writeResult(at("a"), exampleResult());
  const b = await writeResult(at("b"), exampleResult("def", 2));
  const elsewhere = await writeResult(at("c"), {
    ...exampleResult(),
    machine: { ...exampleResult().machine, cpu: "Other" },
  });
  expect((await run("compare", a, b)).out).toMatch(/mixed, rmc2 +4 +2 +0\.5/);
  expect(await run("compare", a, elsewhere)).toMatchObject({
    code: 1,
    errors: expect.stringMatching(/--across-machines/),
  });
  expect((await run("compare", a, elsewhere, "--across-machines")).code).toBe(0);
});

test("report writes the page, the Markdown and its figures, or only what is named", async () => {
  using bench = tinyBench();
  const at = (...parts: string[]) => join(bench.cacheDirectory, ...parts);
  await writeResult(at("results", "host"), exampleResult());
  expect((await run("report", at("results", "host"))).code).toBe(0);
  expect(readFileSync(at("results", "host", "report.html"), "utf8")).toContain("Speed &lt;of&gt; training");
  expect(readFileSync(at("results", "host", "report.md"), "utf8")).toContain("](figures/speed-1.svg)");
  const docs = ["--markdown", at("docs", "results.md"), "--figures", at("docs", "pictures")];
  const { out } = await run("report", at("results"), ...docs);
  expect(out.trim()).toBe(at("docs", "results.md"));
  expect(readFileSync(at("docs", "results.md"), "utf8")).toContain("](pictures/speed-2.svg)");
  expect(readFileSync(at("docs", "pictures", "speed-2.svg"), "utf8")).toMatch(/^<svg/);
});
