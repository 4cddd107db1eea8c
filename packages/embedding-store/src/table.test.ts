import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Random } from "@fae/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memorySession, smallProgram } from "../test/memory-session.js";
import { temporaryDirectories } from "../test/temporary.js";
import { saveCheckpoint } from "./checkpoint.js";
import { formatHeader } from "./safetensors-header.js";
import { writeSafetensors } from "./safetensors-write.js";
import { openTable } from "./table.js";

const newDirectory = temporaryDirectories();
const rows = 5000;
const width = 3;
const values = new Float32Array(rows * width).map((_, i) => i);
const row = (id: number): number[] => [...values.subarray(id * width, (id + 1) * width)];

async function tableFile(): Promise<string> {
  const path = join(newDirectory(), "t.safetensors");
  await writeSafetensors(path, [
    { name: "emb", dtype: "F32", shape: [rows, width], data: values },
    { name: "emb#accumulator", dtype: "F32", shape: [rows, 1], data: new Float32Array(rows) },
  ]);
  return path;
}

describe("openTable", () => {
  it("gives the rows of the ids in their order, whatever the cache", async () => {
    const path = await tableFile();
    for (const cacheBytes of [0, 10_000, 2 ** 20]) {
      await using table = await openTable(path, undefined, { cacheBytes });
      expect([table.name, table.rows, table.width]).toEqual(["emb", rows, width]);
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat(rows - 1), { maxLength: 60 }), async (ids) => {
          expect([...(await table.lookup(ids))]).toEqual(ids.flatMap(row));
        }),
        { numRuns: 40 },
      );
    }
  });

  it("reads a range of rows at once", async () => {
    await using table = await openTable(await tableFile());
    expect(await table.range(4990, rows)).toEqual(values.subarray(4990 * width));
    expect(await table.range(7, 7)).toHaveLength(0);
    await expect(table.range(4990, rows + 1)).rejects.toThrow("15000 elements");
  });

  it("answers overlapping calls", async () => {
    await using table = await openTable(await tableFile(), "emb", { cacheBytes: 9000 });
    const random = new Random(3);
    const calls = Array.from({ length: 30 }, () => Uint32Array.from({ length: 200 }, () => random.below(rows)));
    const answers = await Promise.all(calls.map((ids) => table.lookup(ids)));
    answers.forEach((answer, i) => {
      expect([...answer]).toEqual([...calls[i]].flatMap(row));
    });
  });

  it("sums bags; -1 and empty bags add nothing", async () => {
    await using table = await openTable(await tableFile());
    const sum = (ids: number[]): number[] => [0, 1, 2].map((d) => ids.reduce((s, id) => s + row(id)[d], 0));
    expect([...(await table.lookupPooled(Int32Array.of(4, 9, 7, -1), 2))]).toEqual([...sum([4, 9]), ...sum([7])]);
    expect([...(await table.lookupPooled([4, 9, 7], Uint32Array.of(0, 0, 2)))]).toEqual([
      0,
      0,
      0,
      ...sum([4, 9]),
      ...sum([7]),
    ]);
    await expect(table.lookupPooled([1, 2, 3], 2)).rejects.toThrow(/3 ids cannot be divided into bags of 2/);
    await expect(table.lookupPooled([1, 2, 3], Uint32Array.of(0, 4))).rejects.toThrow(/Bag 1/);
  });

  it.each([[[3, rows]], [[0, -1]], [[0, 1.5]]])("refuses ids out of range: %j", async (ids) => {
    await using table = await openTable(await tableFile());
    await expect(table.lookup(ids)).rejects.toThrow(
      new RegExp(`no row ${ids[1]} \\(position 1\\)\\. Ids are .* 0 to 4999`),
    );
  });

  it("reads rows far behind 4 GiB", async () => {
    const path = join(newDirectory(), "large.safetensors");
    const shape = [2 ** 26, 20];
    const header = formatHeader([{ name: "emb", dtype: "F32", shape }], {});
    const bytes = header.byteLength + 4 * shape[0] * shape[1];
    const file = openSync(path, "w");
    writeSync(file, header);
    ftruncateSync(file, bytes); // a hole: takes no disk
    writeSync(file, Uint8Array.from(Buffer.from(Float32Array.of(7, 8).buffer)), 0, 8, bytes - 8);
    closeSync(file);
    await using table = await openTable(path);
    expect([...(await table.lookup([0, shape[0] - 1]))]).toEqual([...new Array(38).fill(0), 7, 8]);
  });

  it("reads BF16 rows", async () => {
    const path = join(newDirectory(), "t.safetensors");
    await writeSafetensors(path, [{ name: "h", dtype: "BF16", shape: [2, 1], data: Uint16Array.of(0x3f80, 0x4000) }]);
    await using table = await openTable(path);
    expect([...(await table.lookup([1, 0]))]).toEqual([2, 1]);
  });

  it("opens a table of a checkpoint directory and names the tables when it has none such", async () => {
    const root = newDirectory();
    const program = smallProgram();
    const session = memorySession(program, "adagrad", 5);
    await saveCheckpoint(root, {
      session,
      program,
      optimizer: { name: "adagrad", epsilon: 1e-10, beta1: 0.9, beta2: 0.999 },
    });
    await using table = await openTable(root, "emb_l.1.weight");
    expect(await table.lookup([299])).toEqual(session.tensors.get("emb_l.1.weight")?.subarray(299 * 4));
    await expect(openTable(root, "emb_l.9.weight")).rejects.toThrow(
      /no table 'emb_l\.9\.weight'\. Its tables are emb_l\.0/,
    );
  });

  it("refuses what is no table", async () => {
    const path = join(newDirectory(), "t.safetensors");
    await writeSafetensors(path, [{ name: "v", dtype: "F32", shape: [2], data: Float32Array.of(1, 2) }]);
    await expect(openTable(path)).rejects.toThrow(/has 0 tensors that can be a table/);
    await expect(openTable(path, "v")).rejects.toThrow(/is F32 \[2\], not a table/);
  });
});
