import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { gzipSync } from "node:zlib";
import { FaeError, lockPath } from "@fae/core";
import { describe, expect, it } from "vitest";
import { digests, randomLog, temporary } from "../../test/support/logs.js";
import { rawFormats } from "../raw-formats.js";
import type { PrepareOptions } from "./options.js";
import { prepare } from "./prepare.js";

const kaggle = rawFormats["criteo-kaggle"];

describe("prepare refuses", () => {
  const lines = randomLog(kaggle, 2000, 1);
  const failing = async (text: string | Buffer, options: Partial<PrepareOptions> = {}) => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, text);
    const out = directory.file("out");
    const error = await prepare({ format: "criteo-kaggle", files: [log], directory: out, ...options }).then(
      () => null,
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(FaeError);
    expect(readdirSync(directory.path)).toEqual(["train.txt"]);
    return error as FaeError;
  };
  const zipped = gzipSync(lines);
  const flipped = Buffer.from(zipped);
  flipped[Math.floor(zipped.length / 2)] ^= 0xff;
  const wrongSum = Buffer.from(zipped);
  wrongSum[zipped.length - 6] ^= 1;

  it.each([
    ["an empty file", "", /is empty/],
    ["an empty gzip file", gzipSync(""), /is empty/],
    [
      "a gzip file that is cut short",
      zipped.subarray(0, zipped.length - 500),
      /is cut short: .* after \d+ bytes of text/,
    ],
    ["a gzip file without its last byte", zipped.subarray(0, zipped.length - 1), /is cut short/],
    ["a corrupt gzip file", flipped, /is corrupt after \d+ bytes/],
    ["a gzip file with a wrong checksum", wrongSum, /is corrupt/],
    ["a gzip file with something behind it", Buffer.concat([zipped, Buffer.from("more")]), /is corrupt|something else/],
    ["another log", randomLog(rawFormats.avazu, 1500, 1), /is a log of Avazu .*, not of Criteo Kaggle.*format avazu/],
    ["no log at all", "so it goes\n".repeat(1500), /1500 of 1500 lines are malformed \(100 %\).*too-few-fields, 1/],
    ["a file of NUL bytes", Buffer.alloc(200_000), /line 1 \(byte 0\): line-too-long/],
  ])("%s", async (_name, text, message) => {
    const error = await failing(text);
    expect(error.code).toBe("ERR_DATA");
    expect(error.message).toMatch(message);
    expect(error.message).toContain("train.txt");
  });

  it("more malformed lines than allowed, showing the first five", async () => {
    const bad = lines.split("\n");
    for (const i of [30, 40, 50, 60, 70, 80]) bad[i] = bad[i].replace(/\t[^\t]*$/, "\tnothex");
    const error = await failing(bad.join("\n"), { partBytes: 3000 });
    expect(error.message).toMatch(/^6 of 2000 lines are malformed \(0.3 %\), at most 0.1 % may be/);
    for (const line of [31, 41, 51, 61, 71]) expect(error.message).toContain(`line ${line} (byte`);
    expect(error.message).not.toContain("line 81 ");
    expect(error.message).toContain("not-hex, field 40 (C26) is 'nothex', expected 1 to 8 hex digits or nothing");
    expect(error.details).toMatchObject({ line: 31, byReason: { "not-hex": 6 } });
  });

  it("parts of so few bytes that nobody could wait for them, before anything is made", async () => {
    const least = Math.ceil(lines.length / 65_536);
    const error = await failing(lines, { partBytes: 1 });
    expect(error.code).toBe("ERR_CONFIG");
    expect(error.message).toBe(
      `Option partBytes is 1, too small for ${lines.length} bytes of raw files. Give at least ${least} (--part-bytes), or leave it out.`,
    );
  });

  it("the test file of Avazu, whose header has no click", async () => {
    const { avazu } = rawFormats;
    const withoutClick = (line: string) => line.replace(/^([^,]*),[^,]*/, "$1");
    const log = randomLog(avazu, 30, 1).split("\n").map(withoutClick).join("\n");
    const error = await failing(`${withoutClick(avazu.header ?? "")}\n${log}`, { format: "avazu" });
    expect(error.message).toMatch(/has no labels, as a test file: 23 fields a line instead of 24. .*--unlabelled$/);
  });

  it("a missing file", async () => {
    using directory = temporary();
    const missing = directory.file("none.txt");
    const out = directory.file("out");
    await expect(prepare({ format: "criteo-kaggle", files: [missing], directory: out })).rejects.toThrow(
      /none.txt' does not exist/,
    );
    expect(readdirSync(directory.path)).toEqual([]);
  });

  it("a directory that exists", async () => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, lines);
    await expect(prepare({ format: "criteo-kaggle", files: [log], directory: directory.path })).rejects.toThrow(
      /exists already/,
    );
    expect(readdirSync(directory.path)).toEqual(["train.txt"]);
  });

  it("to resume under other options", async () => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, lines);
    const controller = new AbortController();
    const options = { format: "criteo-kaggle", files: [log], directory: directory.file("out") } as const;
    const first = prepare({ ...options, signal: controller.signal, onProgress: () => controller.abort() });
    await expect(first).rejects.toThrow(/was interrupted.*out.partial/);
    await expect(prepare({ ...options, seed: 1 })).rejects.toThrow(/interrupted prepare that differs in options/);
    writeFileSync(log, `${lines}\n`);
    await expect(prepare(options)).rejects.toThrow(/differs in files/);
  });

  it("to begin when the signal fires before the work does", async () => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, lines);
    const controller = new AbortController();
    const options = { format: "criteo-kaggle", files: [log], directory: directory.file("out") } as const;
    const stopped = prepare({ ...options, signal: controller.signal });
    controller.abort();
    await expect(stopped).rejects.toMatchObject({ code: "ERR_INTERRUPTED" });
    expect(readdirSync(directory.path)).toEqual(["train.txt"]);
  });

  it("nothing of a gzip file that is padded with zeros, but what stands behind them", async () => {
    using directory = temporary();
    const log = directory.file("train.txt.gz");
    const options = { format: "criteo-kaggle", files: [log], directory: directory.file("out") } as const;
    writeFileSync(log, Buffer.concat([zipped, Buffer.alloc(3 << 20)]));
    expect((await prepare(options)).splits.train?.rows).toBeGreaterThan(0);
    const behind = Buffer.concat([zipped, Buffer.alloc(3 << 20), Buffer.from("x")]);
    expect(await failing(behind)).toMatchObject({ message: expect.stringContaining("something else after") });
  });

  it("a file that changes while it is read, even if it stays as long", async () => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, lines);
    const times = statSync(log);
    const onProgress: PrepareOptions["onProgress"] = ({ bytesDone, stage }) => {
      if (stage !== "read" || bytesDone === 0) return;
      writeFileSync(log, lines.replace("1", "0"));
      utimesSync(log, times.atime, times.mtime);
    };
    const options = { format: "criteo-kaggle", files: [log], directory: directory.file("out"), onProgress } as const;
    await expect(prepare(options)).rejects.toThrow(`'${log}' changed while it was read. Run again when nothing writes`);
    expect(readdirSync(directory.path)).toEqual(["train.txt"]);
  });

  it("to work where another process works", async () => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, lines);
    const options = { format: "criteo-kaggle", files: [log], directory: directory.file("out") } as const;
    const lock = await lockPath(options.directory);
    await expect(prepare(options)).rejects.toThrow("out' is in use by this process. Wait for it to end");
    lock.release();
    expect(readdirSync(directory.path)).toEqual(["train.txt"]);
    await prepare(options);
  });

  it("to keep its lock when it fails right after taking it", async () => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, lines);
    const options = { format: "criteo-kaggle", files: [log], directory: directory.file("out") } as const;
    const [work, record] = ["", "boot.json.tmp"].map((name) => directory.file("out.partial", "work", name));
    mkdirSync(record, { recursive: true }); // no file can be written there
    await expect(prepare(options)).rejects.toMatchObject({ code: "EISDIR" });
    expect(readdirSync(work)).toEqual(["boot.json.tmp"]);
    rmSync(record, { recursive: true });
    await prepare(options);
    expect(readdirSync(directory.path).sort()).toEqual(["out", "train.txt"]);
  });

  it("to touch a directory that is not its own, and work begun on another machine", async () => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, lines);
    const options = { format: "criteo-kaggle", files: [log], directory: directory.file("out") } as const;
    mkdirSync(directory.file("out.partial"));
    writeFileSync(directory.file("out.partial", "notes.txt"), "mine");
    await expect(prepare(options)).rejects.toThrow(/out.partial' exists and is no work directory/);
    expect(readFileSync(directory.file("out.partial", "notes.txt"), "utf8")).toBe("mine");
    mkdirSync(directory.file("out.partial", "work"));
    const boot = (host: string) =>
      writeFileSync(directory.file("out.partial", "work", "boot.json"), JSON.stringify({ boot: "before", host }));
    boot("elsewhere");
    await expect(prepare(options)).rejects.toThrow(/was begun on 'elsewhere'/);
    boot(hostname());
    await prepare(options);
    expect(readdirSync(directory.file("out")).sort()).toEqual([
      "manifest.json",
      "test.rows",
      "train.rows",
      "val.rows",
      "vocab",
    ]);
  });

  it("to go on when the disk is full, and goes on when it is not", async () => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, lines);
    const options = {
      format: "criteo-kaggle",
      files: [log],
      directory: directory.file("out"),
      partBytes: 40_000,
    } as const;
    const controller = new AbortController();
    let calls = 0;
    const onProgress = () => {
      if (++calls === 3) controller.abort();
    };
    await expect(prepare({ ...options, signal: controller.signal, onProgress })).rejects.toThrow(/interrupted/);
    mkdirSync(directory.file("out.partial", "vocab"), { recursive: true });
    const full = directory.file("out.partial", "vocab", "C3.i32");
    symlinkSync("/dev/full", full);
    await expect(prepare(options)).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
    expect(existsSync(directory.file("out"))).toBe(false);
    rmSync(full);
    await prepare(options);
    await prepare({ ...options, directory: directory.file("whole") });
    expect(digests(directory.file("out"))).toEqual(digests(directory.file("whole")));
  });
});
