import { mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Job,
  type OptimizerName,
  openRows,
  optimizerSpec,
  optimizers,
  referenceEngine,
  strideBytes,
} from "@fae/core";
import { openPrepared, toBatchSource } from "@fae/datasets";
import { dataShape, findModel } from "@fae/models";
import { strategy } from "@fae/scheduler";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSmallData } from "../test-data.js";
import { trackChanges } from "./changed-rows.js";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-changed-"));
  writeSmallData(join(root, "data"), { tables: [5000, 70, 3] });
});
afterAll(() => rmSync(root, { recursive: true }));

async function makeJob(optimizer: OptimizerName, shuffleSeed: number | null): Promise<Job> {
  const data = await openPrepared(join(root, "data"));
  const model = findModel("dlrm").build(dataShape(data), { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] });
  const { tables } = model;
  return {
    program: model,
    plan: strategy("cpu-only").plan({ tables, rowBytes: 16, budgetBytes: 0, devices: 1 }),
    optimizer: optimizerSpec(optimizer),
    sources: [toBatchSource(data, "train", { shuffleSeed })],
    batch: 37,
    seed: 1,
    threads: 1,
  };
}

/** Ids of batches as a batch reader tells them, per table. */
function touched({ program, sources, batch }: Job, epoch: number, batches: Uint32Array): Map<string, Set<number>> {
  using reader = openRows(sources[0], { batch, tables: program.tables });
  const found = new Map(program.tables.map(({ name }) => [name, new Set<number>()]));
  for (const number of batches) {
    reader.read(number, epoch).ids.forEach((id, i) => {
      found.get(program.tables[i % 3].name)?.add(id);
    });
  }
  return found;
}

test.each([null, 5])("rows of trained batches are marked, and no others (shuffle seed %s)", async (seed) => {
  const job = await makeJob("sgd", seed);
  await using tracker = trackChanges(job);
  const parts = [Uint32Array.of(3, 4, 16), Uint32Array.of(0), Uint32Array.of(3)];
  const expected = new Map<string, Set<number>>(job.program.tables.map(({ name }) => [name, new Set()]));
  for (const [epoch, batches] of parts.entries()) {
    tracker.trained({ source: "train", epoch, batches });
    for (const [name, ids] of touched(job, epoch, batches)) for (const id of ids) expected.get(name)?.add(id);
    const found = await tracker.rows();
    for (const [name, ids] of expected) expect([...found[name]]).toEqual([...ids].sort((a, b) => a - b));
  }
  tracker.clear();
  expect(Object.values(await tracker.rows()).map((rows) => rows.length)).toEqual([0, 0, 0]);
  tracker.trained({ source: "train", epoch: 0, batches: Uint32Array.of(4) });
  const again = touched(job, 0, Uint32Array.of(4));
  for (const [name, rows] of Object.entries(await tracker.rows())) expect(new Set(rows)).toEqual(again.get(name));
});

test.each(Object.keys(optimizers) as OptimizerName[])("with %s no row changes that is not marked", async (name) => {
  const job = await makeJob(name, 5);
  await using tracker = trackChanges(job);
  await using session = await referenceEngine().open(job);
  const tensors = job.program.tables.flatMap((table) =>
    ["", ...optimizers[name].rowSlots.map((slot) => `#${slot.name}`)].map(
      (slot) => [table, table.name + slot] as const,
    ),
  );
  const run = (batches: Uint32Array) =>
    session.run(
      { kind: "segment", route: "host", source: "train", epoch: 0, batches },
      Array.from(batches, () => 0.1),
    );
  await run(Uint32Array.of(0, 1, 2, 3));
  const before = await Promise.all(tensors.map(([, tensor]) => session.read(tensor)));
  const batches = Uint32Array.of(4, 5);
  tracker.trained({ source: "train", epoch: 0, batches });
  await run(batches);
  const rows = await tracker.rows();
  for (const [i, [table, tensor]] of tensors.entries()) {
    const after = await session.read(tensor);
    const width = after.length / table.rows;
    const isMarked = new Set(rows[table.name]);
    const changed = Array.from(after).flatMap((value, at) => (value === before[i][at] ? [] : [Math.floor(at / width)]));
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.filter((row) => !isMarked.has(row))).toEqual([]);
  }
});

test("rows may be added, and a file that is cut is told of", async () => {
  const job = await makeJob("sgd", null);
  await using tracker = trackChanges(job);
  const [{ name }] = job.program.tables;
  tracker.add(name, Uint32Array.of(4999, 31, 32));
  expect([...(await tracker.rows())[name]]).toEqual([31, 32, 4999]);
  const [source] = job.sources;
  if (source.storage.kind !== "file") throw new Error("expected a file");
  truncateSync(source.storage.path, 100 * strideBytes(source.layout));
  tracker.trained({ source: "train", epoch: 0, batches: Uint32Array.of(2) });
  await expect(tracker.rows()).rejects.toThrow(/cut short while it was in use: it ended at byte \d+/);
});
