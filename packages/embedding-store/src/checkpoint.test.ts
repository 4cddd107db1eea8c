import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  ConfigError,
  DataError,
  type IdMapping,
  optimizerSpec,
  processTag,
  Random,
  stepOf,
  stepValues,
  type TableIds,
} from "@fae/core";
import { describe, expect, it } from "vitest";
import { type MemorySession, memorySession, smallProgram } from "../test/memory-session.js";
import { temporaryDirectories } from "../test/temporary.js";
import { digestOf } from "./canonical.js";
import { type SaveOptions, saveCheckpoint } from "./checkpoint.js";
import { listCheckpoints } from "./checkpoint-list.js";
import { openCheckpoint } from "./checkpoint-manifest.js";
import { restoreCheckpoint, verifyCheckpoint } from "./checkpoint-restore.js";
import { keysTensor } from "./checkpoint-tensors.js";
import { disk } from "./disk.js";
import { openSafetensors } from "./safetensors.js";

const newDirectory = temporaryDirectories();
const program = smallProgram();
const optimizer = optimizerSpec("rowwise-adagrad");
const session = (seed: number | null): MemorySession => memorySession(program, optimizer.name, seed);
const save = (root: string, seed: number, more: Partial<SaveOptions> = {}) =>
  saveCheckpoint(root, { session: session(seed), program, optimizer, ...more });
const shuffled = (rows: number, seed: number): Uint32Array =>
  new Random(seed).shuffle(Uint32Array.from({ length: rows }, (_, i) => i));
const restored = async (path: string, more = {}): Promise<{ session: MemorySession; state: unknown }> => {
  const target = session(null);
  const state = await restoreCheckpoint(await openCheckpoint(path), { session: target, program, optimizer, ...more });
  return { session: target, state };
};

const tableIds = (table: string, rows: number, digit: string): TableIds => ({
  table,
  rows,
  rule: "vocabulary",
  modulo: null,
  digest: digit.repeat(64),
});

describe("a checkpoint", () => {
  it.each(["sgd", "adagrad", "rowwise-adagrad", "adam"] as const)(
    "gives back a %s session bit by bit, with its state",
    async (name) => {
      const root = newDirectory();
      const source = memorySession(program, name, 11);
      const state = { epoch: 1, position: [3, 4.5], rate: "50" };
      await saveCheckpoint(root, { session: source, program, optimizer: optimizerSpec(name), state, chunkBytes: 100 });
      const target = memorySession(program, name, null);
      const checkpoint = await openCheckpoint(root);
      expect(checkpoint.manifest.step).toBe(11);
      expect(
        await restoreCheckpoint(checkpoint, {
          session: target,
          program,
          optimizer: optimizerSpec(name),
          chunkBytes: 64,
        }),
      ).toEqual(state);
      expect(target.tensors).toEqual(source.tensors);
    },
  );

  it("keeps rows in original ids: another popularity order may read them", async () => {
    const root = newDirectory();
    const name = "emb_l.1.weight";
    const first = shuffled(300, 1);
    const second = shuffled(300, 2);
    const source = session(5);
    await saveCheckpoint(root, {
      session: source,
      program,
      optimizer,
      originalIds: { [name]: first },
      chunkBytes: 200,
    });
    const path = join(newDirectory(), "original");
    writeFileSync(path, second);
    const target = await restored(root, { originalIds: { [name]: path } });
    const row = (of: MemorySession, id: number): number[] => [
      ...(of.tensors.get(name) ?? new Float32Array(0)).subarray(id * 4, id * 4 + 4),
    ];
    for (let id = 0; id < 300; id++) expect(row(target.session, id)).toEqual(row(source, first.indexOf(second[id])));
    await using file = await openSafetensors(join((await openCheckpoint(root)).path, "table-0001.safetensors"));
    expect([...(await file.floats(name, first[17] * 4, 4))]).toEqual(row(source, 17));
  });

  it("is opened as the latest of a directory, and only `keep` are kept", async () => {
    const root = newDirectory();
    for (const step of [1, 2, 10, 10]) await save(root, step, { keep: 3 });
    expect((await listCheckpoints(root)).map(({ step, copy }) => [step, copy])).toEqual([
      [2, 0],
      [10, 0],
      [10, 1],
    ]);
    expect((await openCheckpoint(root)).path).toBe(join(root, "step-000000000010.1"));
    expect(readdirSync(root).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("is saved beside what a killed process left, which is removed", async () => {
    const root = newDirectory();
    mkdirSync(join(root, ".partial-999999999.4"));
    mkdirSync(join(root, `.old-${processTag()}.step-000000000001`));
    await save(root, 3);
    expect(readdirSync(root)).toEqual(["step-000000000003"]);
  });

  it("is restored without optimizer state when only weights are wanted", async () => {
    const root = newDirectory();
    await save(root, 7);
    const target = memorySession(program, "adam", null);
    const options = { session: target, program, optimizer: optimizerSpec("adam") };
    await expect(restoreCheckpoint(await openCheckpoint(root), options)).rejects.toThrow(
      /has optimizer rowwise-adagrad .* this run has optimizer adam/,
    );
    await restoreCheckpoint(await openCheckpoint(root), { ...options, parts: "weights" });
    expect(target.tensors.get("emb_l.0.weight")).toEqual(session(7).tensors.get("emb_l.0.weight"));
    expect(target.tensors.get("#step")).toEqual(stepValues(0));
  });

  it("refuses state that JSON would change, and keeping none", async () => {
    const root = newDirectory();
    await expect(save(root, 1, { state: { rate: Number.NaN } })).rejects.toThrow(ConfigError);
    await expect(save(root, 1, { keep: 0 })).rejects.toThrow(/'keep' is 0/);
    await expect(openCheckpoint(root)).rejects.toThrow(/no checkpoint in/);
  });
});

describe("a damaged or foreign checkpoint", () => {
  it("is refused with every single flipped bit, naming the file", async () => {
    const root = newDirectory();
    await save(root, 1);
    const { path } = await save(root, 2);
    const random = new Random(4);
    for (const name of readdirSync(path)) {
      const file = join(path, name);
      const bytes = readFileSync(file);
      for (let trial = 0; trial < 20; trial++) {
        const damaged = Buffer.from(bytes);
        damaged[random.below(bytes.length)] ^= 1 << random.below(8);
        writeFileSync(file, damaged);
        const check = openCheckpoint(path).then(verifyCheckpoint);
        await expect(check).rejects.toThrow(DataError);
        if (name !== "manifest.json")
          await expect(check).rejects.toThrow(
            `'${name}' does not match the manifest. Use '${root}/step-000000000001' instead.`,
          );
      }
      writeFileSync(file, bytes);
    }
    await verifyCheckpoint(await openCheckpoint(path));
  });

  it("is refused with a truncated or missing file", async () => {
    const root = newDirectory();
    const { path } = await save(root, 1);
    const file = join(path, "table-0001.safetensors");
    truncateSync(file, 1000);
    await expect(openCheckpoint(root)).rejects.toThrow(/'table-0001\.safetensors' has 1000 bytes, the manifest says/);
    rmSync(file);
    await expect(openCheckpoint(root)).rejects.toThrow(/'table-0001\.safetensors' is missing/);
  });

  it("is refused with a manifest of another version", async () => {
    const root = newDirectory();
    const { path } = await save(root, 1);
    const file = join(path, "manifest.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"version": 3', '"version": 4'));
    await expect(openCheckpoint(root)).rejects.toThrow(/has version 4; this program reads 1, 2, 3/);
  });

  it("is refused for another model or other data, and nothing is written", async () => {
    const root = newDirectory();
    await save(root, 1, { data: "aa" });
    const other = smallProgram([13, 301]);
    const target = memorySession(other, optimizer.name, null);
    const checkpoint = await openCheckpoint(root);
    await expect(restoreCheckpoint(checkpoint, { session: target, program: other, optimizer })).rejects.toThrow(
      /another model .* it has table 'emb_l\.1\.weight' \[300, 4\] where this model has table 'emb_l\.1\.weight' \[301, 4\]/,
    );
    await expect(
      restoreCheckpoint(checkpoint, { session: target, program: { ...program, logit: "x" }, optimizer }),
    ).rejects.toThrow(/the operations are not/);
    await expect(restored(root, { data: "bb" })).rejects.toThrow(/made from other data/);
    await expect(restored(root, { originalIds: { "emb_l.1.weight": shuffled(299, 1) } })).rejects.toThrow(
      /300 rows, but the original ids given are 299/,
    );
    expect([...target.tensors.values()].every((values) => values.every((value) => value === 0))).toBe(true);
  });

  it("is refused over ids of another meaning, and taken over the same ids of other data", async () => {
    const root = newDirectory();
    const ids: IdMapping = { source: "avazu", tables: [tableIds("C1", 13, "a"), tableIds("C2", 300, "b")] };
    await save(root, 1, { data: "aa", ids });
    await restored(root, { data: "bb", ids });
    const longer = { ...ids, tables: [ids.tables[0], tableIds("C2", 301, "c")] };
    await expect(restored(root, { data: "aa", ids: longer })).rejects.toThrow(
      "table 'C2' has a vocabulary of 300 keys (digest bbbbbbbbbbbb), expected a vocabulary of 301 keys (digest cccccccccccc).",
    );
    await expect(restored(root, { ids: { ...ids, source: "custom" } })).rejects.toThrow("of avazu, expected custom");
    const hashed = {
      ...ids,
      tables: ids.tables.map((table) => ({ ...table, rule: "modulo", modulo: 50, digest: "d" })),
    };
    await expect(restored(root, { ids: hashed })).rejects.toThrow("expected keys modulo 50 (2 of 2 tables differ)");
  });

  it("of an older version does not say what its ids mean: it goes with its own data set alone", async () => {
    const root = newDirectory();
    const { path } = await save(root, 1, { data: "aa" });
    const file = join(path, "manifest.json");
    const { digest: _, ...manifest } = JSON.parse(readFileSync(file, "utf8"));
    const old = { ...manifest, version: 1 };
    writeFileSync(file, JSON.stringify({ ...old, digest: digestOf(old) }));
    const ids: IdMapping = { source: "avazu", tables: [] };
    expect((await restored(root, { data: "aa", ids })).session.tensors).toEqual(session(1).tensors);
    await expect(restored(root, { data: "bb", ids })).rejects.toThrow("does not say what its ids mean. Use data");
  });

  it("carries the keys of its tables, with digests as all it holds", async () => {
    const root = newDirectory();
    const keys = [{ table: "C1", rows: 3, read: () => Int32Array.of(7, -1, 5) }];
    const { path } = await save(root, 1, { keys });
    await using file = await openSafetensors(join(path, "keys.safetensors"));
    expect(await file.integers(keysTensor("C1"))).toEqual(Int32Array.of(7, -1, 5));
    expect((await restored(root)).session.tensors).toEqual(session(1).tensors);
    const checkpoint = await openCheckpoint(root);
    writeFileSync(file.path, readFileSync(file.path).fill(1, file.fileBytes - 1));
    await expect(verifyCheckpoint(checkpoint)).rejects.toThrow("the digest of 'keys.safetensors' does not match");
  });

  it.each([
    ["emb_l.1.weight", 4 * 17 + 2, Number.NaN, "'emb_l.1.weight' .* has NaN in row 17"],
    ["top_l.0.weight", 1, Number.POSITIVE_INFINITY, "'top_l.0.weight' .* has Infinity in value 1"],
  ])("with %s that is no number is not restored", async (name, at, value, message) => {
    const root = newDirectory();
    const source = session(1);
    const values = source.tensors.get(name);
    if (values) values[at] = value;
    await saveCheckpoint(root, { session: source, program, optimizer, chunkBytes: 100 });
    await expect(restored(root, { chunkBytes: 100 })).rejects.toThrow(new RegExp(message));
  });

  it("leaves the one before readable whichever operation of the disk fails", async () => {
    const root = newDirectory();
    await save(root, 1, { keep: 1 });
    let failures = 0;
    for (let n = 1; ; n++) {
      let count = 0;
      const step = async <A>(operation: () => Promise<A>): Promise<A> => {
        if (++count === n) throw new Error("injected");
        return operation();
      };
      const failing: typeof disk = {
        create: (path) =>
          step(async () => {
            const file = await disk.create(path);
            return {
              write: (bytes) => step(() => file.write(bytes)),
              sync: () => step(() => file.sync()),
              close: () => file.close(),
            };
          }),
        makeDirectory: (path) => step(() => disk.makeDirectory(path)),
        rename: (from, to) => step(() => disk.rename(from, to)),
        remove: (path) => step(() => disk.remove(path)),
        syncDirectory: (path) => step(() => disk.syncDirectory(path)),
      };
      const outcome = await save(root, 2, { keep: 1, disk: failing, chunkBytes: 1000 }).catch(
        (error: Error) => error.message,
      );
      const { session: target } = await restored(root);
      const found = stepOf(await target.read("#step"));
      expect([1, 2]).toContain(found);
      expect(target.tensors).toEqual(session(found).tensors);
      if (outcome !== "injected") break;
      failures++;
    }
    expect(failures).toBeGreaterThan(25);
    expect(readdirSync(root).filter((name) => name.startsWith("."))).toEqual([]);
  });
});
