import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaeError } from "@fae/core";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { writeSmallData } from "../test-data.js";
import { runBytes } from "./disk-room.js";
import { evaluateModel } from "./evaluate-model.js";
import { eventsFile } from "./events-file.js";
import type { TrainOptions } from "./options.js";
import type { RunEvent } from "./run-events.js";
import { resumeTraining, trainModel } from "./train-model.js";

/** The disk: what it says is free, and how many saves and line writes meet its end. */
const disk = vi.hoisted(() => ({ free: Number.MAX_SAFE_INTEGER, failingSaves: 0, failingWrites: 0 }));
vi.mock("node:fs", async (original) => {
  const real = await original<typeof import("node:fs")>();
  return {
    ...real,
    statfsSync: () => ({ bavail: disk.free, bsize: 1 }),
    writeSync(file: number, bytes: Uint8Array, from: number, length: number, at: number) {
      if (disk.failingWrites-- > 0) throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
      // A disk that is nearly full takes a part.
      return real.writeSync(file, bytes, from, Math.min(length, 7), at);
    },
  };
});
vi.mock("@fae/embedding-store", async (original) => {
  const real = await original<typeof import("@fae/embedding-store")>();
  return {
    ...real,
    async saveCheckpoint(...call: Parameters<typeof real.saveCheckpoint>) {
      if (disk.failingSaves-- > 0) throw new FaeError("ERR_DISK_FULL", "The disk is full.");
      return real.saveCheckpoint(...call);
    },
  };
});

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-full-"));
  writeSmallData(join(root, "data"));
});
beforeEach(() => Object.assign(disk, { free: Number.MAX_SAFE_INTEGER, failingSaves: 0, failingWrites: 0 }));
afterAll(() => rmSync(root, { recursive: true }));

const small = (more: Partial<TrainOptions>): Parameters<typeof trainModel>[0] => ({
  data: join(root, "data"),
  model: "dlrm",
  modelOptions: { width: 4, bottomMlp: [8, 4], topMlp: [8, 1] },
  engine: "reference",
  optimizer: "sgd",
  batch: 50,
  segmentBatches: 4,
  threads: 1,
  ...more,
});

test("a disk that cannot hold the run is refused before the first batch", async () => {
  disk.free = 1000;
  const onEvent = vi.fn();
  const run = join(root, "refused");
  const training = trainModel(small({ run }), { onEvent });
  await expect(training).rejects.toMatchObject({ code: "ERR_DISK_FULL", details: { freeBytes: 1000 } });
  await expect(training).rejects.toThrow(/Run .*refused takes .*, the disk of .* has 1000 B free/);
  expect(onEvent).not.toHaveBeenCalled();
  expect(existsSync(run)).toBe(false);
});

test("one that may be too small for all checkpoints is named in a hint", async () => {
  disk.free = 150_000;
  const lines: string[] = [];
  await trainModel(small({ run: join(root, "hinted"), checkpointEvery: 3 }), { log: (line) => lines.push(line) });
  expect(lines.join()).toContain("hint: with all its checkpoints the run can take");
});

test("a training that is done waits for room, says so, and loses nothing", async () => {
  disk.failingSaves = 2;
  const run = join(root, "waited");
  const lines: string[] = [];
  const log = (line: string): void => {
    lines.push(line);
    if (line.includes("is full")) disk.free = 1000;
    setTimeout(() => {
      disk.free = Number.MAX_SAFE_INTEGER;
    }, 1500);
  };
  const report = await trainModel(small({ run }), { log });
  expect(lines.filter((line) => line.includes("is full")).join()).toMatch(/kept in memory: free .* there/);
  const again = await evaluateModel({
    model: run,
    data: join(root, "data"),
    split: "test",
    engine: "reference",
    batch: 64,
    threads: 0,
  });
  expect(again.report.metrics.logLoss).toBeCloseTo(report.metrics.test?.logLoss ?? 9, 6);
});

test("waiting has an end, and can be given up", async () => {
  disk.failingSaves = 9;
  const run = join(root, "given-up");
  await expect(trainModel(small({ run }), { roomSeconds: 0.05 })).rejects.toThrow(
    /stayed full: the trained model needs .* train again/,
  );
  disk.failingSaves = 9;
  const controller = new AbortController();
  const log = (line: string) => line.includes("is full") && controller.abort();
  await expect(trainModel(small({ run }), { log, signal: controller.signal })).rejects.toMatchObject({
    code: "ERR_INTERRUPTED",
  });
  expect(existsSync(run)).toBe(false);
});

test("a run that has checkpoints says how to go on", async () => {
  const run = join(root, "resumable");
  const onCheckpoint = (): void => {
    disk.failingSaves = 9;
  };
  const training = trainModel(small({ run, checkpointEvery: 4 }), { roomSeconds: 0.05, onCheckpoint });
  await expect(training).rejects.toThrow(`fae train --resume ${run}.`);
  disk.failingSaves = 0;
  expect(await resumeTraining(run)).toMatchObject({ steps: 12 });
});

test("lines that a full disk does not take are written later, in order", () => {
  const path = join(root, "lines.jsonl");
  const file = eventsFile(path, new Uint8Array(0));
  const lineOf = (step: number) => ({ kind: "test", step }) as RunEvent;
  file.append(lineOf(1));
  disk.failingWrites = 2;
  file.append(lineOf(2));
  file.append(lineOf(3));
  expect(new TextDecoder().decode(file.bytes()).trim().split("\n")).toHaveLength(3);
  disk.failingWrites = 1;
  expect(() => file.mark()).toThrow("ENOSPC");
  const { bytes } = file.mark();
  file.close();
  const text = readFileSync(path, "utf8");
  expect(text.length).toBe(bytes);
  expect(
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).step),
  ).toEqual([1, 2, 3]);
});

test("bytes of a run: the model at least, and what checkpoints and the best model add", () => {
  const program = { tables: [{ name: "a", rows: 100 }], width: 4, params: [] } as never;
  const options = {
    checkpointEvery: 0,
    fullEvery: 1,
    keepCheckpoints: 2,
    segmentBatches: 4,
    stopPatience: null,
    keep: "last",
  } as const;
  const one = runBytes(program, "sgd", options, 100);
  expect(one.least).toBe(100 * 4 * 4 + 2 ** 16);
  expect(one.most).toBe(one.least);
  const of = (more: object, steps = 100) => {
    const { least, most } = runBytes(program, "sgd", { ...options, ...more }, steps);
    return [least / one.least, most / one.least];
  };
  expect(of({ checkpointEvery: 10 })).toEqual([3, 4]);
  expect(of({ checkpointEvery: 10, fullEvery: 5 })).toEqual([2, 5]);
  expect(of({ checkpointEvery: 10, stopPatience: 3, keep: "best" })).toEqual([2, 6]);
  expect(of({ checkpointEvery: 10 }, 10)).toEqual([1, 1]);
});
