import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tinyBench } from "../../test/tiny-bench.js";
import { cached, cacheName, usualCache } from "./cache.js";

test("what is made is kept, once per parameters", async () => {
  using bench = tinyBench();
  let made = 0;
  const make = async (directory: string) => {
    await mkdir(directory);
    writeFileSync(join(directory, "file"), `${made++}`);
  };
  const first = await cached(bench, "log", { rows: 1 }, make);
  expect(await cached(bench, "log", { rows: 1 }, make)).toBe(first);
  expect(await cached(bench, "log", { rows: 2 }, make)).not.toBe(first);
  expect(made).toBe(2);
});

test("what fails leaves nothing", async () => {
  using bench = tinyBench();
  const failing = cached(bench, "log", {}, async (directory) => {
    await mkdir(directory);
    throw new Error("full");
  });
  await expect(failing).rejects.toThrow("full");
  expect(readdirSync(bench.cacheDirectory)).toEqual([]);
});

test("what another process has made meanwhile is taken, and the own copy removed", async () => {
  using bench = tinyBench();
  const write = async (directory: string, text: string) => {
    await mkdir(directory);
    writeFileSync(join(directory, "file"), text);
  };
  const taken = await cached(bench, "log", {}, async (directory) => {
    await write(directory, "own");
    await write(join(bench.cacheDirectory, cacheName("log", {})), "other");
  });
  expect(readFileSync(join(taken, "file"), "utf8")).toBe("other");
  expect(readdirSync(bench.cacheDirectory)).toEqual([cacheName("log", {})]);
});

test("what a process that is gone was making is removed, what another one makes is not", async () => {
  using bench = tinyBench();
  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  for (const pid of [gone, process.ppid]) await mkdir(join(bench.cacheDirectory, `log-1.${pid}.making`));
  await cached(bench, "log", {}, async (directory) => void (await mkdir(directory)));
  const left = readdirSync(bench.cacheDirectory).filter((name) => name.endsWith(".making"));
  expect(left).toEqual([`log-1.${process.ppid}.making`]);
});

test("the cache lies where the system keeps caches", () => {
  expect(usualCache({ XDG_CACHE_HOME: "/cache" })).toBe("/cache/fae-bench");
  expect(usualCache({})).toMatch(/\.cache\/fae-bench$/);
  expect(existsSync(cacheName("a", {}))).toBe(false);
  expect(cacheName("a", { b: 1 })).toMatch(/^a-[0-9a-f]{12}$/);
});
