import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DataError, type OptimizerName, optimizerSpec, Random, stepValues } from "@fae/core";
import { describe, expect, it } from "vitest";
import { type MemorySession, memorySession, smallProgram } from "../test/memory-session.js";
import { temporaryDirectories } from "../test/temporary.js";
import { type SaveOptions, saveCheckpoint, snapshotCheckpoint } from "./checkpoint.js";
import { type ChangedRows, checkpointBytes } from "./checkpoint-content.js";
import { listCheckpoints } from "./checkpoint-list.js";
import { baseReference, openCheckpoint } from "./checkpoint-manifest.js";
import { restoreCheckpoint, verifyCheckpoint } from "./checkpoint-restore.js";
import type { SavedCheckpoint } from "./checkpoint-write.js";
import { openTable } from "./table.js";

const newDirectory = temporaryDirectories();
const program = smallProgram();
const [small, large] = program.tables.map((table) => table.name);
const optimizer = optimizerSpec("adagrad");
const options = (session: MemorySession, more: Partial<SaveOptions> = {}): SaveOptions => ({
  session,
  program,
  optimizer,
  chunkBytes: 100,
  ...more,
});

/** Other values in some rows of every table, their state and all dense parameters; tells which rows. */
async function train(session: MemorySession, seed: number, name: OptimizerName = optimizer.name): Promise<ChangedRows> {
  const random = new Random(seed);
  const changed: Record<string, Uint32Array> = {};
  for (const { name: table, rows } of program.tables) {
    const ids = [...new Set(Array.from({ length: Math.floor(rows / 7) }, () => random.below(rows)))].sort(
      (a, b) => a - b,
    );
    changed[table] = Uint32Array.from(ids);
  }
  for (const [tensor, values] of memorySession(program, name, seed).tensors) {
    const rows = changed[tensor.split("#")[0]];
    const width = values.length / (program.tables.find((table) => tensor.startsWith(table.name))?.rows ?? 1);
    const part = rows === undefined ? values : Float32Array.from(rows, () => 0);
    if (rows === undefined) await session.write(tensor, part);
    else {
      const picked = new Float32Array(rows.length * width);
      rows.forEach((row, i) => {
        picked.set(values.subarray(row * width, (row + 1) * width), i * width);
      });
      await session.write(tensor, picked, rows);
    }
  }
  return changed;
}

const union = (a: ChangedRows, b: ChangedRows): ChangedRows =>
  Object.fromEntries(
    program.tables.map(({ name }) => [name, Uint32Array.from(new Set([...a[name], ...b[name]])).sort()]),
  );

/** A full checkpoint, then two of changed rows. */
async function chain(root: string, more: Partial<SaveOptions> = {}) {
  const session = memorySession(program, optimizer.name, 1);
  const full = await saveCheckpoint(root, options(session, more));
  const first = await train(session, 2);
  const one = await saveCheckpoint(root, options(session, { changed: { since: full.base, rows: first }, ...more }));
  const rows = union(first, await train(session, 3));
  const two = await saveCheckpoint(root, options(session, { changed: { since: one.base, rows }, ...more }));
  return { session, full, one, two, rows };
}

async function restored(path: string, more: object = {}, name: OptimizerName = optimizer.name): Promise<MemorySession> {
  const target = memorySession(program, name, null);
  const given = { session: target, program, optimizer: optimizerSpec(name), chunkBytes: 60, ...more };
  await restoreCheckpoint(await openCheckpoint(path), given);
  return target;
}

const names = (root: string): string[] => readdirSync(root).sort();

describe("a checkpoint of changed rows", () => {
  it.each(["sgd", "adagrad", "rowwise-adagrad", "adam"] as const)(
    "and its base give back a %s session",
    async (name) => {
      const root = newDirectory();
      const session = memorySession(program, name, 1);
      const of = { session, program, optimizer: optimizerSpec(name), chunkBytes: 100 };
      const { base } = await saveCheckpoint(root, of);
      const rows = await train(session, 2, name);
      const saved = await saveCheckpoint(root, { ...of, changed: { since: base, rows }, state: { at: 5 } });
      expect((await restored(root, {}, name)).tensors).toEqual(session.tensors);
      const found = await openCheckpoint(root);
      expect(found.manifest.state).toEqual({ at: 5 });
      expect([found.manifest.version, found.base?.manifest.version]).toEqual([3, 3]);
      expect(saved.bytes).toBeLessThan(checkpointBytes(program, name));
      expect(saved.base).toEqual(base);
      expect(baseReference(found)).toEqual(base);
      const changed = new Map<string, Uint32Array>();
      await restored(root, { onChanged: (table: string, ids: Uint32Array) => changed.set(table, ids) }, name);
      expect(Object.fromEntries(changed)).toEqual(rows);
    },
  );

  it("needs its base and no other one", async () => {
    const root = newDirectory();
    const { session, one, full } = await chain(root, { keep: 3 });
    rmSync(one.path, { recursive: true });
    expect((await restored(root)).tensors).toEqual(session.tensors);
    expect((await restored(full.path)).tensors).toEqual(memorySession(program, optimizer.name, 1).tensors);
  });

  it("may have no changed rows at all", async () => {
    const root = newDirectory();
    const session = memorySession(program, optimizer.name, 1);
    const { base } = await saveCheckpoint(root, options(session));
    await saveCheckpoint(root, options(session, { changed: { since: base, rows: {} } }));
    await verifyCheckpoint(await openCheckpoint(root));
    expect((await restored(root)).tensors).toEqual(session.tensors);
    await using table = await openTable(root, large);
    expect(await table.lookup([299])).toEqual(session.tensors.get(large)?.slice(299 * 4));
  });

  it("keeps rows in original ids", async () => {
    const root = newDirectory();
    const shuffled = (seed: number) => new Random(seed).shuffle(Uint32Array.from({ length: 300 }, (_, i) => i));
    const [first, second] = [shuffled(1), shuffled(2)];
    const { session } = await chain(root, { originalIds: { [large]: first } });
    const target = await restored(root, { originalIds: { [large]: second } });
    const row = (of: MemorySession, id: number) => of.tensors.get(large)?.slice(id * 4, id * 4 + 4);
    for (let id = 0; id < 300; id++) expect(row(target, id)).toEqual(row(session, first.indexOf(second[id])));
  });

  it("is served with its base as one table", async () => {
    const root = newDirectory();
    const { session } = await chain(root);
    for (const name of [small, large]) {
      await using table = await openTable(root, name, { cacheBytes: 16384 });
      const all = session.tensors.get(name) ?? new Float32Array(0);
      expect(await table.range(0, table.rows)).toEqual(all);
      expect(await table.range(5, 12)).toEqual(all.slice(20, 48));
      const ids = Array.from({ length: 50 }, (_, i) => (i * 37) % table.rows);
      const rows = await table.lookup(ids);
      ids.forEach((id, i) => {
        expect(rows.slice(4 * i, 4 * i + 4)).toEqual(all.slice(4 * id, 4 * id + 4));
      });
      const [a, b] = await Promise.all([table.lookupPooled([1, -1, 2, 3], 2), table.lookup([1, 2, 3])]);
      expect(a).toEqual(Float32Array.from([...b.slice(0, 4), ...b.slice(4, 8).map((value, d) => value + b[8 + d])]));
      await expect(table.lookup([table.rows])).rejects.toThrow("has no row");
    }
  });

  it("is kept with its base, which goes with the last that needs it", async () => {
    const root = newDirectory();
    const { session, full, two, rows } = await chain(root, { keep: 1 });
    expect(names(root)).toEqual([full.path, two.path].map((path) => path.slice(root.length + 1)));
    await session.write("#step", stepValues(9));
    const next = await saveCheckpoint(root, options(session, { keep: 1 }));
    expect(names(root)).toEqual(["step-000000000009"]);
    await expect(saveCheckpoint(root, options(session, { changed: { since: full.base, rows } }))).rejects.toThrow(
      "There is no checkpoint in",
    );
    await saveCheckpoint(root, options(session, { changed: { since: next.base, rows }, keep: 1 }));
    expect(names(root)).toEqual(["step-000000000009", "step-000000000009.1"]);
  });

  it("does not lose what a damaged neighbour may need", async () => {
    const root = newDirectory();
    const { session, two, rows, full } = await chain(root, { keep: 2 });
    writeFileSync(join(two.path, "manifest.json"), "{");
    await session.write("#step", stepValues(9));
    await saveCheckpoint(root, options(session, { keep: 2, changed: { since: full.base, rows } }));
    expect(names(root)).toHaveLength(4);
  });
});

describe("a damaged chain", () => {
  async function expectRefused(
    root: string,
    damage: (saved: { full: string; two: string }) => void,
    message: RegExp | string,
  ) {
    const copy = newDirectory();
    cpSync(root, copy, { recursive: true });
    const [full, , two] = (await listCheckpoints(copy)).map(({ path }) => path);
    damage({ full, two });
    const target = memorySession(program, optimizer.name, null);
    const restore = openCheckpoint(copy).then((found) =>
      restoreCheckpoint(found, { session: target, program, optimizer }),
    );
    await expect(restore).rejects.toThrow(DataError);
    await expect(restore).rejects.toThrow(message);
    expect([...target.tensors.values()].every((values) => values.every((value) => value === 0))).toBe(true);
  }
  const flip = (path: string, at: number): void => {
    const bytes = readFileSync(path);
    bytes[at] ^= 1;
    writeFileSync(path, bytes);
  };

  it("is refused before anything is written, naming what is wrong", async () => {
    const root = newDirectory();
    const { two } = await chain(root, { keep: 9 });
    for (let at = 0; at < 2500; at += 197) {
      await expectRefused(
        root,
        (saved) => flip(join(saved.two, "rows.safetensors"), at),
        "digest of 'rows.safetensors'",
      );
    }
    await expectRefused(
      root,
      (saved) => flip(join(saved.full, "table-0001.safetensors"), 900),
      "digest of 'table-0001.safetensors' does not match the manifest. There is no other checkpoint",
    );
    await expectRefused(root, (saved) => truncateSync(join(saved.two, "rows.safetensors"), 500), "has 500 bytes");
    await expectRefused(root, (saved) => truncateSync(join(saved.full, "dense.safetensors"), 50), "has 50 bytes");
    await expectRefused(
      root,
      (saved) => rmSync(saved.full, { recursive: true }),
      /holds only the rows changed since 'step-000000000001', which is not beside it/,
    );
    await expectRefused(
      root,
      (saved) => {
        const manifest = join(saved.two, "manifest.json");
        writeFileSync(manifest, readFileSync(manifest, "utf8").replace("step-000000000001", "step-000000000002"));
      },
      "the digest of 'manifest.json' does not match its content",
    );
    expect(existsSync(two.path)).toBe(true);
  });

  it("is refused when another checkpoint has the base's name", async () => {
    const root = newDirectory();
    const other = newDirectory();
    const { full } = await chain(root);
    const { path } = await saveCheckpoint(other, options(memorySession(program, optimizer.name, 1), { data: "other" }));
    rmSync(full.path, { recursive: true });
    renameSync(path, full.path);
    await expect(openCheckpoint(root)).rejects.toThrow("which is another one now: its digest differs");
  });

  it("names a full one that is whole, where there is one", async () => {
    const root = newDirectory();
    const earlier = await saveCheckpoint(root, options(memorySession(program, optimizer.name, 0)));
    const { full } = await chain(root, { keep: 9 });
    truncateSync(join(full.path, "table-0000.safetensors"), 9);
    await expect(openCheckpoint(root)).rejects.toThrow(`Use '${earlier.path}' instead.`);
  });
});

describe("a snapshot", () => {
  it("is saved as the session was, whatever it does meanwhile", async () => {
    const root = newDirectory();
    const session = memorySession(program, optimizer.name, 1);
    const before = memorySession(program, optimizer.name, 1);
    const snapshot = await snapshotCheckpoint({ ...options(session), state: { at: 1 } });
    expect(snapshot.bytes).toBe(checkpointBytes(program, optimizer.name));
    const [saved, rows] = await Promise.all([snapshot.save(root), train(session, 2)]);
    expect((await restored(root)).tensors).toEqual(before.tensors);
    const next = await snapshotCheckpoint({ ...options(session), changed: { since: saved.base, rows } });
    expect(next.bytes).toBe(checkpointBytes(program, optimizer.name, rows));
    const after = new Map([...session.tensors].map(([name, values]) => [name, values.slice()]));
    await Promise.all([next.save(root, { keep: 1 }), train(session, 4)]);
    expect((await restored(root)).tensors).toEqual(after);
  });

  it("gives the bytes that saving in one go gives", async () => {
    const [a, b] = [newDirectory(), newDirectory()];
    const session = memorySession(program, optimizer.name, 3);
    const paths: SavedCheckpoint[] = [
      await saveCheckpoint(a, options(session)),
      await (await snapshotCheckpoint(options(session))).save(b),
    ];
    const [one, two] = paths.map(({ path }) => names(path).map((name) => readFileSync(join(path, name))));
    expect(one).toEqual(two);
  });

  it("tells why it could not be saved", async () => {
    const root = join(newDirectory(), "file");
    writeFileSync(root, "");
    const snapshot = await snapshotCheckpoint(options(memorySession(program, optimizer.name, 1)));
    await expect(snapshot.save(root)).rejects.toThrow(/EEXIST|ENOTDIR/);
    mkdirSync(`${root}s`);
    await expect(snapshot.save(`${root}s`, { keep: 0 })).rejects.toThrow("'keep' is 0");
  });
});
