import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DataError, PlanError } from "@fae/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepared } from "../test/prepared.js";
import { checkProfile, type ProfileResult, profile } from "./profile.js";
import {
  checkProfileDirectory,
  chunksOf,
  openProfileDirectory,
  readCounts,
  readProfile,
  writeProfile,
} from "./profile-file.js";
import type { ProfileOptions } from "./profile-options.js";
import { profileSchema } from "./profile-schema.js";
import { profileText } from "./report/text.js";

const root = mkdtempSync(join(tmpdir(), "fae-profile-"));
afterAll(() => rmSync(root, { recursive: true }));

const data = prepared(join(root, "data"), {
  inputs: 60_000,
  tables: [{ rows: 30 }, { rows: 40_000 }, { rows: 3000, hotness: 2 }, { rows: 120_000 }],
  skew: 5,
});
const options: ProfileOptions = { data, width: 4, stateValues: 4, budgetBytes: 2 ** 18, smallTableBytes: 1024 };

describe("profile", () => {
  let both: ProfileResult;
  beforeAll(async () => {
    both = await profile({ ...options, compare: true, ratePercent: 20, traffic: { batch: 256, parameters: 1000 } });
  });

  it("replaces a link under the name of a temporary file, and writes nothing behind it", async () => {
    const [directory, victim] = [join(root, "linked"), join(root, "victim")];
    mkdirSync(directory);
    writeFileSync(victim, "precious");
    symlinkSync(victim, join(directory, "counts.u32.tmp"));
    await writeProfile(directory, both);
    expect(readFileSync(victim, "utf8")).toBe("precious");
    expect(lstatSync(join(directory, "counts.u32")).isFile()).toBe(true);
  });

  it("is valid and within its budget", () => {
    const { profile: made } = both;
    expect(profileSchema.parse(made)).toEqual(made);
    expect(made.hotSet.bytes).toBeLessThanOrEqual(2 ** 18);
    expect(made.hotSet.bytes).toBeGreaterThan(2 ** 18 - 32);
    expect(made.hotSet.bytes).toBe(32 * made.hotSet.hotRows.reduce((sum, rows) => sum + rows, 0));
    expect(made.hotSet.whole).toEqual([true, false, false, false]);
    expect(made.hotSet.hotRows[0]).toBe(30);
    expect(made.data).toMatchObject({ digest: data.digest, inputs: 60_000, split: "train" });
    expect(made.sample).toBeNull();
  });

  it("has shares that agree with each other", () => {
    const { hotSet, tables, thresholds } = both.profile;
    const accesses = tables.reduce((sum, table) => sum + table.accesses, 0);
    expect(accesses).toBe(60_000 * 5);
    const hot = tables.reduce((sum, table) => sum + table.hotAccessShare * table.accesses, 0);
    expect(hotSet.accessShare).toBeCloseTo(hot / accesses, 12);
    expect(hotSet.judgedInputs).toBe(60_000);
    for (let i = 1; i < thresholds.length; i++) {
      expect(thresholds[i].hotRows).toBeGreaterThanOrEqual(thresholds[i - 1].hotRows);
      expect(thresholds[i].hotInputShare).toBeGreaterThanOrEqual(thresholds[i - 1].hotInputShare);
    }
    expect(thresholds.at(-1)).toMatchObject({ accesses: 1, accessShare: 1, hotInputShare: 1 });
    const larger = thresholds.find(({ hotRows }) => hotRows >= hotSet.rows);
    expect(larger?.hotInputShare).toBeGreaterThanOrEqual(hotSet.hotInputShare);
  });

  it("compares the sampled method with the exact one", () => {
    const { comparison } = both.profile;
    expect(comparison?.exact.hotInputShare).toBe(both.profile.hotSet.hotInputShare);
    expect(comparison?.sampled.hotBytes).toBeLessThanOrEqual(2 ** 18);
    // Its own inputs are always hot to it: 20 % of them are not fair judges.
    const { sampled, sampledTrueHotInputShare = 0 } = comparison ?? {};
    expect(sampledTrueHotInputShare).toBeGreaterThan((sampled?.hotInputShare ?? 0) - 0.01);
    expect(sampledTrueHotInputShare - (sampled?.hotInputShare ?? 0)).toBeLessThan(0.1);
  });

  it("predicts bytes of all routes, mixed far below hybrid", () => {
    const { traffic } = both.profile;
    expect(traffic?.bytes.host.rows).toEqual({ toDevice: 0, toHost: 0 });
    expect(traffic?.bytes.hot.rows).toEqual({ toDevice: 0, toHost: 0 });
    expect(traffic?.bytes.hybrid.rows).toEqual({ toDevice: 256 * 4 * 16, toHost: 256 * 4 * 16 });
    expect(traffic?.bytes.mixed.rows.toDevice).toBeLessThan(256 * 4 * 16);
    expect(traffic?.bytes.mixed.rowState.toDevice).toBe(traffic?.bytes.mixed.rows.toDevice);
    expect(traffic?.coldRows).toBeCloseTo((traffic?.fetchedRows ?? 0) + (traffic?.forwardedRows ?? 0), 9);
    expect(traffic?.bytes.server.parameters).toEqual({ toDevice: 4000, toHost: 4000 });
  });

  it("prints what is hot", () => {
    const text = profileText(both.profile);
    expect(text).toContain("Counted all 60 k inputs");
    expect(text).toContain("small, whole");
    expect(text).toMatch(/mixed +/);
    expect(text).toMatch(/sampled +/);
  });

  it("of a sample is the same again for the same seed, another for another", async () => {
    const sampled = (seed: number) => profile({ ...options, method: "sampled", ratePercent: 10, seed });
    const [one, again, other] = [await sampled(1), await sampled(1), await sampled(2)];
    const { seconds, ...first } = one.profile;
    expect(again.profile).toEqual({ ...first, seconds: again.profile.seconds });
    expect(other.profile.sample?.inputs).not.toBe(one.profile.sample?.inputs);
    expect(one.profile.search?.steps.length).toBeGreaterThan(1);
    expect(one.profile.sample).toMatchObject({ ratePercent: 10, seed: 1 });
  });

  it("of a sample of everything finds what the exact counts hold", async () => {
    const full = await profile({ ...options, method: "sampled", ratePercent: 100 });
    expect(full.counts.map((table) => [...table])).toEqual(both.counts.map((table) => [...table]));
    expect(full.profile.hotSet.rows).toBeLessThanOrEqual(both.profile.hotSet.rows);
    expect(full.profile.hotSet.judgedInputs).toBe(60_000);
  });

  it("may make every input hot, or none", async () => {
    const all = await profile({ ...options, budgetBytes: 2 ** 30 });
    expect(all.profile.hotSet.hotInputShare).toBe(1);
    const none = await profile({ ...options, budgetBytes: 30 * 32 });
    expect(none.profile.hotSet).toMatchObject({ hotRows: [30, 0, 0, 0], hotInputShare: 0 });
    const little = await profile({ ...options, budgetBytes: 32, smallTableBytes: 0 });
    expect(little.profile.hotSet).toMatchObject({ rows: 1, hotInputShare: 0 });
  });

  it("never exceeds its budget, whatever the optimizer", async () => {
    for (const stateValues of [0, 1, 4, 8])
      for (let budgetBytes = 2 ** 12; budgetBytes <= 2 ** 22; budgetBytes *= 4)
        for (const method of ["exact", "sampled"] as const) {
          const made = await profile({ ...options, stateValues, budgetBytes, method, ratePercent: 2 });
          expect(made.profile.hotSet.bytes).toBeLessThanOrEqual(budgetBytes);
        }
  });

  it("refuses what cannot be done", async () => {
    const refuse = (change: Partial<ProfileOptions>) => expect(profile({ ...options, ...change })).rejects;
    for (const ratePercent of [0, -5, 101]) await refuse({ method: "sampled", ratePercent }).toThrow(ConfigError);
    await refuse({ budgetBytes: 0 }).toThrow(PlanError);
    await refuse({ budgetBytes: 900 }).toThrow(/small tables/);
    await refuse({ split: "val" }).toThrow(/no split "val"/);
    await refuse({ width: 0 }).toThrow(/width is 0/);
    await refuse({ data: { ...data, splits: { train: { path: data.splits.train?.path ?? "", rows: 0 } } } }).toThrow(
      /no inputs/,
    );
    const tiny = prepared(join(root, "tiny"), { inputs: 2, tables: [{ rows: 5 }] });
    await refuse({ data: tiny, method: "sampled", ratePercent: 1e-6 }).toThrow(/holds none/);
  });

  it("belongs to its data", () => {
    checkProfile(both.profile, data);
    expect(() => checkProfile(both.profile, { ...data, digest: "cd".repeat(32) })).toThrow(
      /made from data abababababab.* is cdcdcdcdcdcd/,
    );
  });

  it("replaces an older one or what is left of it, and nothing else", async () => {
    const directory = join(root, "again");
    mkdirSync(directory);
    await writeProfile(directory, both);
    await writeProfile(directory, both);
    writeFileSync(join(directory, "notes.txt"), "");
    await checkProfileDirectory(directory);
    rmSync(join(directory, "profile.json"));
    await expect(writeProfile(directory, both)).rejects.toThrow(/again already exists and holds no profile/);
    rmSync(join(directory, "notes.txt"));
    await writeProfile(directory, both);
    {
      using _ = await openProfileDirectory(directory);
      await expect(writeProfile(directory, both)).rejects.toThrow("again' is in use by this process");
    }
    await writeProfile(directory, both);
    await expect(writeProfile(data.directory, both)).rejects.toThrow(ConfigError);
    expect(readdirSync(data.directory)).not.toContain("counts.u32");
  });

  it("takes tables of more bytes than one array holds", () => {
    // Zeros that are never touched: they take no memory.
    const table = new Uint32Array(2 ** 30 + 5);
    let bytes = 0;
    for (const chunk of chunksOf([table, Uint8Array.of(1)])) bytes += chunk.length;
    expect(bytes).toBe(2 ** 32 + 21);
  });

  it("comes back from disk with its counts, and shows a damaged file", async () => {
    const directory = join(root, "kept");
    await writeProfile(directory, both);
    expect(await readProfile(directory)).toEqual(both.profile);
    const counts = await readCounts(directory);
    expect(counts.map((table) => [...table])).toEqual(both.counts.map((table) => [...table]));
    expect(counts[0].buffer).toBeInstanceOf(SharedArrayBuffer);

    const html = readFileSync(join(directory, "report.html"), "utf8");
    expect(html.match(/<svg /g)).toHaveLength(5);
    expect(html).not.toMatch(/https?:\/\/(?!www\.w3\.org)|NaN|undefined|Infinity/);

    const file = join(directory, "counts.u32");
    const bytes = readFileSync(file);
    bytes[9] ^= 1;
    writeFileSync(file, bytes);
    await expect(readCounts(directory)).rejects.toThrow(/sha256/);
    writeFileSync(file, bytes.subarray(4));
    await expect(readCounts(directory)).rejects.toThrow(/expected 652120/);
    rmSync(file);
    await expect(readCounts(directory)).rejects.toThrow(/missing/);
    const path = join(directory, "profile.json");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace('"version": 2', '"version": 3'));
    await expect(readProfile(directory)).rejects.toThrow(/version 3/);
    writeFileSync(path, text.replace('"budgetBytes"', '"budget"'));
    await expect(readProfile(directory)).rejects.toThrow(/damaged/);
    writeFileSync(path, text.slice(1));
    await expect(readProfile(directory)).rejects.toThrow(/not valid JSON/);
    await expect(readProfile(join(root, "none"))).rejects.toThrow(DataError);
  });
});
