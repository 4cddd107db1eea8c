import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import {
  defineLog,
  idMapping,
  openPrepared,
  originalTexts,
  pack,
  prepareSchema,
  readManifest,
  verifyPrepared,
} from "../../src/index.js";
import { writeManifest } from "../../src/manifest.js";
import { temporary } from "../support/logs.js";
import { type Rest, small } from "./support.js";

const directory = temporary();
afterAll(() => directory[Symbol.dispose]());
const at = (name: string) => directory.file(name);

const item = { column: "item", min_count: 2 };
const hash = { column: "item", name: "hashed", ids: "hash" as const, rows: 10 };
const buckets = { column: "age", buckets: [20, 40] };

const rows = ["1,a,10", "0,b,50", "1,,30", "0,b,", "1,c,20", "0,a,22", "1,rare,1"];

async function prepared(name: string, tables: Rest["tables"], lines = rows, rest: Partial<Rest> = {}) {
  writeFileSync(at(`${name}.csv`), `label,item,age\n${lines.join("\n")}\n`);
  const log = defineLog({ ...small, group: "item", tables, ...rest, files: at(`${name}.csv`), format: "csv" });
  return prepareSchema({ log, directory: at(name) });
}

it("says what ids mean, the same when it is packed", async () => {
  const data = await prepared("data", [item, hash, buckets]);
  const ids = await idMapping(data);
  expect(ids.source).toBe("schema");
  expect(ids.tables.map(({ table, rule }) => [table, rule])).toEqual([
    ["item", "vocabulary"],
    ["hashed", "schema"],
    ["age", "schema"],
  ]);
  const packed = await pack({
    data,
    counts: async () => data.tables.map(({ rows }) => Uint32Array.from({ length: rows }, (_, id) => id)),
    hotRows: data.tables.map(() => 1),
    madeFrom: data.digest,
    budgetBytes: 1000,
    rowBytes: 16,
    directory: at("packed"),
  });
  expect(packed.ids).toEqual(ids);
  await verifyPrepared(at("packed"));
  // Worked out from the files, where an older manifest does not say it.
  const manifest = await readManifest(at("packed"));
  const texts = (directory: string, of: typeof manifest) => {
    const found = originalTexts(directory, of, 0);
    return Array.from({ length: found.rows }, (_, id) => found.textOf(id));
  };
  expect(texts(at("packed"), manifest)).toEqual(texts(at("data"), await readManifest(at("data"))));
  writeManifest(at("packed"), { ...manifest, tables: manifest.tables.map(({ ids: _, ...table }) => table) });
  const older = await openPrepared(at("packed"));
  expect(older.ids).toBeNull();
  expect(await idMapping(older)).toEqual(ids);
});

it("ids mean the same in another log of the same keys, and others where keys or the schema differ", async () => {
  const all = [item, hash, buckets];
  const digests = async (name: string, ...given: [Rest["tables"], string[]?, Partial<Rest>?]) =>
    (await prepared(name, ...given)).ids?.tables.map(({ digest }) => digest);
  const [one, two, three] = (await digests("first", all)) ?? [];
  expect(await digests("more", all, [...rows, "1,a,99"])).toEqual([one, two, three]);
  const other = await digests("keys", all, ["1,b,10", ...rows]);
  expect(other?.[0]).not.toBe(one);
  expect(other?.slice(1)).toEqual([two, three]);
  const changed = await digests("schema", [
    { column: "item" },
    { ...hash, seed: 7 },
    { ...buckets, buckets: [20, 41] },
  ]);
  expect(changed?.filter((digest) => [one, two, three].includes(digest))).toEqual([]);
});

it("has the sums of all its files: texts, groups and rejected lines", async () => {
  const lines = [...rows, ...Array.from({ length: 2000 }, () => "1,a,3"), "2,a,3"];
  await prepared("summed", [item], lines);
  await verifyPrepared(at("summed"));
  const { files = {} } = await readManifest(at("summed"));
  expect(Object.keys(files).sort()).toEqual(
    [
      "rejects.tsv",
      "vocab/0.text",
      "vocab/0.u32",
      ...["train", "val", "test"].flatMap((s) => [`${s}.group.i32`, `${s}.rows`]),
    ].sort(),
  );
  for (const name of Object.keys(files)) {
    const path = at(`summed/${name}`);
    const bytes = readFileSync(path);
    if (bytes.length === 0) continue;
    const changed = Buffer.from(bytes);
    changed[changed.length - 1] ^= 1;
    writeFileSync(path, changed);
    await expect(verifyPrepared(at("summed")), name).rejects.toThrow("is not what was written");
    writeFileSync(path, bytes);
  }
  writeFileSync(at("summed/vocab/0.text"), "");
  await expect(openPrepared(at("summed"))).rejects.toThrow("has 0 bytes");
});
