import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BatchSource, Session } from "@fae/core";
import { afterAll, describe, expect, it } from "vitest";
import {
  nativeMissing,
  randomTinyWords,
  tinyJob,
  tinyLayout,
  tinyPlan,
  tinySegment,
  tinySource,
} from "../native/testing.js";
import { cpuEngine } from "./engine.js";

const folder = mkdtempSync(join(tmpdir(), "fae-cpu-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const onHost = tinyPlan(["host"], { on: "host" });
const names = ["a", "b", "bottom", "top", "a#accumulator"];
const all = (session: Session) => Promise.all(names.map((name) => session.read(name)));

function rowsFile(name: string, words: Uint32Array, shuffleSeed: number | null = null): BatchSource {
  const path = join(folder, name);
  writeFileSync(path, words);
  return { name: "train", layout: tinyLayout, rows: words.length / 4, storage: { kind: "file", path }, shuffleSeed };
}
const pathOf = (source: BatchSource) => (source.storage.kind === "file" ? source.storage.path : "");

describe.skipIf(nativeMissing("cpu"))("files", () => {
  it.each([null, 5])("rows of a file train as the same rows in memory, shuffle seed %s", async (seed) => {
    const words = randomTinyWords(50, 8);
    const results = [];
    for (const source of [rowsFile(`rows-${seed}`, words, seed), tinySource(words, "train", seed)]) {
      await using session = await cpuEngine().open(tinyJob(onHost, { sources: [source] }));
      await session.run(tinySegment("host", [0, 1, 2, 3, 4, 5, 6], "train", 2), new Array(7).fill(0.1));
      results.push(await all(session));
    }
    expect(results[0]).toEqual(results[1]);
  });

  it("refuses a file of another size, naming it, both sizes and the fix", async () => {
    const source = rowsFile("short.rows", randomTinyWords(9, 1));
    const failed = cpuEngine().open(tinyJob(onHost, { sources: [{ ...source, rows: 10 }] }));
    await expect(failed).rejects.toThrow(/short\.rows' has 144 bytes, expected 160 .*Prepare the data set again/);
    await expect(failed).rejects.toMatchObject({ code: "ERR_DATA", details: { found: 144, expected: 160 } });
    const gone = { ...source, storage: { kind: "file", path: join(folder, "none.rows") } } as const;
    await expect(cpuEngine().open(tinyJob(onHost, { sources: [gone] }))).rejects.toThrow(/none\.rows': No such file/);
  });

  it.each([onHost, tinyPlan(["mixed"], { on: "split", hotRows: 3 })])(
    "a file cut short while it is read is an error, not a crash: $routes",
    async (plan) => {
      const source = rowsFile(`cut-${plan.routes[0]}.rows`, randomTinyWords(4000, 2));
      await using session = await cpuEngine().open(tinyJob(plan, { sources: [source] }));
      truncateSync(pathOf(source), 4096);
      const failed = session.run(tinySegment(plan.routes[0], [0, 450]), [0.1, 0.1]);
      await expect(failed).rejects.toThrow(/Cannot read batch 450 of '.*': the disk failed or the file was cut short/);
      await expect(failed).rejects.toMatchObject({ code: "ERR_DATA" });
    },
  );

  it("starts rows by their original ids", async () => {
    const originalIdsPath = join(folder, "original.u32");
    const original = Uint32Array.from({ length: 60 }, (_, id) => (id * 7) % 60);
    writeFileSync(originalIdsPath, original);
    await using plain = await cpuEngine().open(tinyJob(onHost));
    for (const plan of [onHost, tinyPlan(["mixed"], { on: "split", hotRows: 3 })]) {
      await using packed = await cpuEngine().open(tinyJob(plan, { tables: { a: { originalIdsPath } } }));
      expect(await packed.read("a")).toEqual(await plain.read("a", original));
    }
    writeFileSync(originalIdsPath, original.subarray(1));
    await expect(cpuEngine().open(tinyJob(onHost, { tables: { a: { originalIdsPath } } }))).rejects.toThrow(
      /original\.u32' have 236 bytes, expected 240/,
    );
  });

  it("keeps a table and its state in files, with the same result as in memory", async () => {
    const mappedPath = join(folder, "a.table");
    const results = [];
    for (const tables of [undefined, { a: { mappedPath } }]) {
      await using session = await cpuEngine().open(tinyJob(onHost, tables ? { tables } : {}));
      await session.run(tinySegment("host", [0, 1, 2]), [0.1, 0.1, 0.1]);
      results.push(await all(session));
    }
    expect(results[1]).toEqual(results[0]);
    expect(statSync(mappedPath).size).toBe(60 * 4 * 4);
    expect(new Float32Array(Uint8Array.from(readFileSync(mappedPath)).buffer)).toEqual(results[0][0]);
    expect(existsSync(`${mappedPath}.accumulator`)).toBe(true);
  });

  it("refuses a mapped table where no file can be made", async () => {
    const tables = { a: { mappedPath: join(folder, "no", "such", "folder") } };
    await expect(cpuEngine().open(tinyJob(onHost, { tables }))).rejects.toThrow(
      /Cannot create '.*folder': No such file/,
    );
  });
});
