import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPrepared, readManifest } from "@fae/datasets";
import { profile, writeProfile } from "@fae/profiler";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packText } from "../commands/pack.js";
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
  const { hot, cold } = report.labelRates;
  const positives = report.hotInputs * (hot ?? 0) + report.coldInputs * (cold ?? 0);
  expect(Math.round(positives)).toBe((await readManifest(data.directory)).splits.train?.positives);
  const packed = await openPrepared(at("packed"));
  expect(packed.packed).toMatchObject({ from: data.digest, budgetBytes: 320, rowBytes: 16 });
});

test("tells the label rates of both classes, and gives a hint when they differ much", () => {
  const told = (hot: number | null, cold: number | null) =>
    packText({
      directory: "out",
      from: "",
      budgetBytes: 64,
      rowBytes: 16,
      hotRows: [1],
      hotInputs: 5,
      coldInputs: 5,
      labelRates: { hot, cold },
      seconds: 1,
    });
  expect(told(0.64, 0.43)).toMatch(
    /64\.0 % of the hot inputs are 1, 43\.0 % of the cold ones\nhint: .*--shuffle-first/,
  );
  expect(told(0.26, 0.25)).toMatch(/26\.0 % of the hot/);
  expect(told(0.26, 0.25)).not.toContain("hint");
  expect(told(null, 0.5)).not.toContain("labels");
});

test("refuses a profile of other data, none, packed data and a name that is taken", async () => {
  await profiled("one");
  await profiled("two", { seed: 2 });
  const pack = (data: string, profileName: string, out: string) =>
    packData({ data: at(data), profile: at(profileName), out: at(out) });
  await expect(pack("one", "two-profile", "mixed-up")).rejects.toThrow("it was made from data");
  await expect(pack("one", "one", "no-profile")).rejects.toThrow("holds no profile");
  await expect(pack("one", "one-profile", "two")).rejects.toThrow("exists already");
  await pack("one", "one-profile/profile.json", "one-packed");
  await expect(pack("one-packed", "one-profile", "twice")).rejects.toThrow("is packed already");
  for (const out of ["mixed-up", "no-profile", "twice"]) {
    expect(existsSync(at(out)) || existsSync(at(`${out}.partial`))).toBe(false);
  }
});
