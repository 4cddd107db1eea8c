import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPrepared } from "@fae/datasets";
import { profile, writeProfile } from "@fae/profiler";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type SmallData, writeSmallData } from "../test-data.js";
import { packData } from "./pack-data.js";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-pack-"));
});
afterAll(() => rmSync(root, { recursive: true }));
const at = (...parts: string[]): string => join(root, ...parts);

async function profiled(name: string, given: Partial<SmallData> = {}) {
  const data = await openPrepared(writeSmallData(at(name), given));
  const made = await profile({ data, width: 4, stateValues: 0, budgetBytes: 320, smallTableBytes: 128 });
  await writeProfile(at(`${name}-profile`), made);
  return { data, made: made.profile };
}

test("the pack has the hot rows and the hot inputs that the profile counted", async () => {
  const { data, made } = await profiled("log");
  const report = await packData({ data: data.directory, profile: at("log-profile"), out: at("packed") });
  expect(report.hotRows).toEqual(made.hotSet.hotRows);
  expect(report.hotInputs).toBe(Math.round(made.hotSet.hotInputShare * 600));
  expect(report.hotInputs + report.coldInputs).toBe(600);
  const packed = await openPrepared(at("packed"));
  expect(packed.packed).toMatchObject({ from: data.digest, budgetBytes: 320, rowBytes: 16 });
});

test("refuses a profile of other data, none, packed data and a name that is taken", async () => {
  await profiled("one");
  await profiled("two", { seed: 2 });
  const pack = (data: string, profileName: string, out: string) =>
    packData({ data: at(data), profile: at(profileName), out: at(out) });
  await expect(pack("one", "two-profile", "mixed-up")).rejects.toThrow("were made from data");
  await expect(pack("one", "one", "no-profile")).rejects.toThrow("holds no profile");
  await expect(pack("one", "one-profile", "two")).rejects.toThrow("exists already");
  await pack("one", "one-profile/profile.json", "one-packed");
  await expect(pack("one-packed", "one-profile", "twice")).rejects.toThrow("is packed already");
  for (const out of ["mixed-up", "no-profile", "twice"]) {
    expect(existsSync(at(out)) || existsSync(at(`${out}.partial`))).toBe(false);
  }
});
