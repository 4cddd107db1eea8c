import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { DataError, type PreparedData } from "@fae/core";
import { describe, expect, it } from "vitest";
import { randomLog, temporary } from "../test/support/logs.js";
import { filesOf, type Manifest, writeManifest } from "./manifest.js";
import { openPrepared, readManifest } from "./open-prepared.js";
import { pack } from "./pack/pack.js";
import type { PrepareOptions } from "./prepare/options.js";
import { prepare } from "./prepare/prepare.js";
import { rawFormats } from "./raw-formats.js";
import { synthesize } from "./synth/synthesize.js";
import { verifyPrepared } from "./verify-prepared.js";

const kaggle = rawFormats["criteo-kaggle"];

function flip(path: string, at = 0): void {
  const bytes = readFileSync(path);
  bytes[at] ^= 1;
  writeFileSync(path, bytes);
}

/** The sums of the manifest against those of whole files, computed in one go. */
async function expectSums({ directory }: PreparedData): Promise<void> {
  const manifest = await readManifest(directory);
  const names = filesOf(manifest);
  const sums = names.map((name) => {
    const bytes = readFileSync(join(directory, name));
    return [name, { bytes: bytes.length, crc32: bytes.length === 0 ? 0 : crc32(bytes) }];
  });
  expect(names.length).toBeGreaterThan(2);
  expect(manifest.files).toEqual(Object.fromEntries(sums));
  await verifyPrepared(directory);
}

async function prepared(options: Partial<PrepareOptions>, use: (data: PreparedData) => Promise<void>): Promise<void> {
  using directory = temporary();
  const log = directory.file("train.txt");
  writeFileSync(log, `${randomLog(kaggle, 300, 1)}no line\n${randomLog(kaggle, 300, 2)}`);
  const given = { format: "criteo-kaggle", files: [log], maxRejects: 0.5, partBytes: 7000 } as const;
  await use(await prepare({ ...given, directory: directory.file("out"), ...options }));
}

const packedOf = (data: PreparedData, directory: string, partBytes: number) =>
  pack({
    data,
    counts: async () => data.tables.map(({ rows }) => Uint32Array.from({ length: rows }, (_, id) => rows - id)),
    hotRows: data.tables.map(({ rows }) => Math.min(rows, 40)),
    madeFrom: data.digest,
    budgetBytes: 1 << 20,
    rowBytes: 8,
    directory,
    partBytes,
  });

describe("the sums of a data set", () => {
  it.each<[string, Partial<PrepareOptions>]>([
    ["in order", {}],
    ["in one part", { partBytes: 1 << 20 }],
    ["shuffled", { randomize: "total" }],
    ["hashed, without some", { ids: "hash", maxRowsPerTable: 50, dropNegatives: 0.5 }],
  ])("are those of its files: prepared %s, packed", (_, options) =>
    prepared(options, async (data) => {
      await expectSums(data);
      await expectSums(await packedOf(data, `${data.directory}-packed`, 5000));
    }),
  );

  it("are those of its files: synthesized, series", async () => {
    using directory = temporary();
    for (const source of ["criteo-kaggle", "taobao"] as const) {
      const out = directory.file(source);
      await synthesize({ source, format: "prepared", rows: 400, scale: 0.0005, directory: out });
      await expectSums(await openPrepared(out));
    }
  });

  it("show a change of any of its files", () =>
    prepared({}, async (data) => {
      const { directory } = await packedOf(data, `${data.directory}-packed`, 5000);
      for (const name of ["test.rows", "train.hot.rows", "original-ids/3.u32", "vocab/C4.i32"]) {
        const path = join(directory, name);
        flip(path);
        await expect(verifyPrepared(directory)).rejects.toThrow(`'${path}' is not what was written: its CRC-32 is`);
        flip(path);
      }
      await verifyPrepared(directory);
    }));

  it("make data of other contents other data", () =>
    prepared({}, async (data) => {
      const manifest = await readManifest(data.directory);
      flip(join(data.directory, "test.rows"));
      writeManifest(data.directory, manifest);
      expect((await openPrepared(data.directory)).digest).not.toBe(data.digest);
    }));

  it("are missing in data of an earlier release, which are read all the same", () =>
    prepared({}, async (data) => {
      const path = join(data.directory, "manifest.json");
      const { files: _, ...old } = JSON.parse(readFileSync(path, "utf8")) as Manifest;
      writeFileSync(path, JSON.stringify({ ...old, version: 1 }));
      expect((await openPrepared(data.directory)).splits).toEqual(data.splits);
      await expect(verifyPrepared(data.directory)).rejects.toThrow(/carries no sums .* earlier release/);
    }));

  it("end when they are interrupted", () =>
    prepared({}, async ({ directory }) => {
      await expect(verifyPrepared(directory, AbortSignal.abort())).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
    }));
});

describe("interrupted work", () => {
  it.each([
    ["write", "train.rows"],
    ["number", "work/part-0000-000001.rows"],
    ["write", "vocab/C7.i32"],
  ])("that was changed after stage %s, in %s, is not gone on with", async (stage, name) => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, randomLog(kaggle, 600, 1));
    const options = {
      format: "criteo-kaggle",
      files: [log],
      partBytes: 7000,
      directory: directory.file("out"),
    } as const;
    const controller = new AbortController();
    const onProgress: PrepareOptions["onProgress"] = (at) => {
      if (at.stage === stage && at.bytesDone > at.bytesTotal / 2) controller.abort();
    };
    const stopped = prepare({ ...options, onProgress, signal: controller.signal });
    await expect(stopped).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
    const path = directory.file("out.partial", ...name.split("/"));
    flip(path);
    const error = await prepare(options).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).message).toContain(`'${path}' is not what was written to it before the interruption.`);
    expect(readdirSync(directory.path)).toEqual(["train.txt"]);
    await prepare(options);
  });

  it("of a pack that was changed is not gone on with", () =>
    prepared({}, async (data) => {
      const out = `${data.directory}-packed`;
      const controller = new AbortController();
      const counts = async () => data.tables.map(({ rows }) => new Uint32Array(rows).fill(1));
      const options = { data, counts, hotRows: data.tables.map(() => 0), madeFrom: data.digest, budgetBytes: 8 };
      const call = { ...options, rowBytes: 8, directory: out, partBytes: 5000 };
      const onProgress = ({ bytesDone, bytesTotal }: { bytesDone: number; bytesTotal: number }) => {
        if (bytesDone > bytesTotal / 2) controller.abort();
      };
      await expect(pack({ ...call, onProgress, signal: controller.signal })).rejects.toMatchObject({
        code: "ERR_INTERRUPTED",
      });
      flip(join(`${out}.partial`, "train.rows"));
      await expect(pack(call)).rejects.toThrow(/train.rows' is not what was written/);
      await expectSums(await pack(call));
      rmSync(out, { recursive: true });
    }));
});
