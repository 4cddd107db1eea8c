import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DataError, FaeError } from "@fae/core";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { skewedData, slowCounts } from "../test/skewed-data.js";
import { countAccesses, type IdStream } from "./count-accesses.js";
import { countColumn, countShare } from "./count-column.js";
import { sampledInputs } from "./sample.js";

const directory = mkdtempSync(join(tmpdir(), "fae-profiler-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("countAccesses", () => {
  it.each([2 ** 30, 2_000_000_001, 0, 1.5])("refuses a table of %d rows before it counts", async (rows) => {
    const call = countAccesses({ ids: [[0]] }, { tables: [{ name: "vast", rows }] });
    await expect(call).rejects.toThrow(`Table "vast" has ${rows} rows; accesses are counted of 1 to ${2 ** 30 - 1}.`);
  });

  it("counts every id of every stream alike", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          inputs: fc.integer({ min: 0, max: 300 }),
          tables: fc.array(
            fc.record({ rows: fc.integer({ min: 1, max: 40 }), hotness: fc.integer({ min: 1, max: 3 }) }),
            {
              minLength: 1,
              maxLength: 4,
            },
          ),
          steps: fc.integer({ min: 0, max: 3 }),
          missing: fc.constantFrom(0, 0.3),
          seed: fc.nat(),
        }),
        async (shape) => {
          const data = skewedData(shape);
          const expected = slowCounts(data);
          const path = join(directory, "any.rows");
          writeFileSync(path, data.source.storage.words);
          const perInput = shape.tables.map(({ hotness }) => hotness * Math.max(1, shape.steps));
          const rows = Array.from({ length: shape.inputs }, (_, i) =>
            data.ids.flatMap((ids, t) => [...ids.subarray(i * perInput[t], (i + 1) * perInput[t])]),
          );
          const streams: IdStream[] = [
            data.source,
            { ...data.source, storage: { kind: "file", path } },
            { ids: data.ids },
            rows,
            (async function* () {
              yield* rows;
            })(),
          ];
          for (const stream of streams) {
            const found = await countAccesses(stream, { tables: data.tables, hotness: perInput });
            expect(found.counts.map((table) => [...table])).toEqual(expected.map((table) => [...table]));
            expect([found.inputs, found.totalInputs]).toEqual([shape.inputs, shape.inputs]);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("counts the same sample from every stream", async () => {
    const data = skewedData({ inputs: 20000, tables: [{ rows: 50 }, { rows: 3000, hotness: 2 }] });
    const sample = { ratePercent: 5, seed: 9 };
    const chosen = new Set(sampledInputs(sample, 0, 20000));
    const expected = slowCounts({
      tables: data.tables,
      ids: data.ids.map((ids, t) => ids.filter((_, i) => chosen.has(Math.floor(i / (t === 0 ? 1 : 2))))),
    });
    const path = join(directory, "sampled.rows");
    writeFileSync(path, data.source.storage.words);
    for (const stream of [
      data.source,
      { ...data.source, storage: { kind: "file", path } as const },
      { ids: data.ids },
    ]) {
      const found = await countAccesses(stream, { tables: data.tables, hotness: [1, 2], sample });
      expect(found.counts.map((table) => [...table])).toEqual(expected.map((table) => [...table]));
      expect([found.inputs, found.totalInputs]).toEqual([chosen.size, 20000]);
    }
  });

  it("reports progress up to the end and stops on abort", async () => {
    const data = skewedData({ inputs: 9000, tables: [{ rows: 50 }] });
    const seen: [number, number][] = [];
    await countAccesses(data.source, { tables: data.tables, progress: (...at) => seen.push(at) });
    expect(seen.at(-1)).toEqual([9000, 9000]);
    await expect(
      countAccesses(data.source, { tables: data.tables, signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
    await expect(
      countAccesses({ ids: data.ids }, { tables: data.tables, signal: AbortSignal.abort() }),
    ).rejects.toBeInstanceOf(FaeError);
  });

  it("names input, table and id when an id is no row", async () => {
    const data = skewedData({ inputs: 100, tables: [{ rows: 50 }, { rows: 9 }] });
    const small = data.tables.map((table) => ({ ...table, rows: 9 }));
    const message = /Input \d+ has id \d+ in table "table 0", which has 9 rows/;
    await expect(countAccesses(data.source, { tables: small })).rejects.toThrow(message);
    await expect(countAccesses({ ids: data.ids }, { tables: small })).rejects.toThrow(message);
    await expect(countAccesses(data.source, { tables: small, sample: { ratePercent: 90, seed: 1 } })).rejects.toThrow(
      message,
    );
    await expect(countAccesses([[1.5, 2]], { tables: data.tables })).rejects.toThrow(DataError);
    await expect(countAccesses([[-2, 2]], { tables: data.tables })).rejects.toThrow(DataError);
    await expect(countAccesses([[1]], { tables: data.tables })).rejects.toThrow(/1 ids, expected 2/);
    await expect(countAccesses({ ids: [[1, 2], [1]] }, { tables: data.tables })).rejects.toThrow(/Table 1 has 1 ids/);
  });

  it("refuses a rate outside (0, 100], a file of another size, other tables", async () => {
    const data = skewedData({ inputs: 10, tables: [{ rows: 5 }] });
    for (const ratePercent of [0, -1, 100.1, Number.NaN])
      await expect(
        countAccesses(data.source, { tables: data.tables, sample: { ratePercent, seed: 1 } }),
      ).rejects.toThrow(ConfigError);
    await expect(countAccesses({ ...data.source, rows: 11 }, { tables: data.tables })).rejects.toThrow(
      /11 inputs of 12 bytes/,
    );
    await expect(countAccesses(data.source, { tables: [] })).rejects.toThrow(/1 tables, 0 were given/);
    await expect(countAccesses(data.source, { tables: [{ name: "a", rows: 0 }] })).rejects.toThrow(/0 rows/);
    await expect(countAccesses(data.source, { tables: data.tables, workers: 0 })).rejects.toThrow(/workers is 0/);
    await expect(
      countAccesses(
        { ...data.source, storage: { kind: "file", path: join(directory, "none") } },
        { tables: data.tables },
      ),
    ).rejects.toThrow(/cannot be read/);
  });
});

it("counts stay at 4294967295", () => {
  const counts = Uint32Array.of(0xfffffffe, 0x7fffffff);
  const call = () =>
    countShare(Int32Array.of(0, 1, 1, -1, 0), 0, 1, 5, new Int32Array(counts.buffer), { part: 0, mask: 0, shift: 0 });
  expect(call()).toBe(-1);
  expect([...counts]).toEqual([0xffffffff, 0x80000001]);
  call();
  expect([...counts]).toEqual([0xffffffff, 0x80000003]);
});

it("shares of a column count each of its ids once, in stretches", () => {
  const ids = fc.array(fc.integer({ min: -1, max: 99 }), { maxLength: 50 });
  fc.assert(
    fc.property(ids, fc.constantFrom(1, 2, 4), fc.nat(4), (list, parts, shift) => {
      const words = Int32Array.from(list);
      const whole = new Int32Array(100);
      countColumn(words, 0, 1, list.length, whole);
      for (let part = 0; part < parts; part++) {
        const counts = new Int32Array(100);
        countShare(words, 0, 1, list.length, counts, { part, mask: parts - 1, shift });
        expect(counts).toEqual(whole.map((n, id) => (Math.floor(id / 2 ** shift) % parts === part ? n : 0)));
      }
    }),
  );
});
