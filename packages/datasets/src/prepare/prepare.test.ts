import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { gzipSync } from "node:zlib";
import { FaeError, type PreparedData, Random } from "@fae/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digests, randomLog, readAll, readRows, temporary } from "../../test/support/logs.js";
import { oracleIds, oracleText } from "../../test/support/oracle.js";
import { readManifest } from "../open-prepared.js";
import { rawFormats } from "../raw-formats.js";
import { openVocabulary } from "../vocabulary.js";
import type { PrepareOptions } from "./options.js";
import { prepare } from "./prepare.js";
import { blockRows } from "./row-blocks.js";
import { equalDays, splitByDays, splitByShare } from "./splits.js";

const kaggle = rawFormats["criteo-kaggle"];

/** Ids of all inputs, in log order. */
const idsOf = (data: PreparedData, keysAt: number) => readAll(data).map((row) => row.slice(keysAt));

describe("prepare", () => {
  it("gives what a slow oracle gives, whatever the files, parts and faults", async () => {
    const mutate = (log: string, faults: readonly [number, string][]) => {
      let text = log;
      for (const [at, insert] of faults) {
        const p = at % (text.length + 1);
        text = text.slice(0, p) + insert + text.slice(p);
      }
      return text;
    };
    const faults = fc.tuple(
      fc.nat(20_000),
      fc.constantFrom("\n", "\r\n", "\t", ",", "\0", "g", "-", "1", "x".repeat(70_000)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("criteo-kaggle", "criteo-terabyte", "avazu"),
        fc.array(
          fc.tuple(fc.integer({ min: 4, max: 12 }), fc.nat(), fc.array(faults, { maxLength: 3 }), fc.boolean()),
          {
            minLength: 2,
            maxLength: 3,
          },
        ),
        fc.integer({ min: 100, max: 5000 }),
        fc.constantFrom(0, 5),
        async (name, logs, partBytes, modulo) => {
          using directory = temporary();
          const format = rawFormats[name];
          const texts = logs.map(([lines, seed, edits], i) => {
            const header = format.header !== null && i === 0 ? `${format.header}\n` : "";
            return Buffer.from(header + mutate(randomLog(format, lines, seed), edits), "latin1");
          });
          const files = texts.map((text, i) => {
            const path = directory.file(`log-${i}`);
            writeFileSync(path, logs[i][3] ? gzipSync(text) : text);
            return path;
          });
          const oracles = texts.map((text) => oracleText(format, text));
          const accepted = oracles.flatMap(({ lines }) => lines.flatMap(({ words }) => (words ? [words] : [])));
          const days = name === "criteo-kaggle" ? 7 : files.length;
          const perFile = oracles.map(({ lines }) => lines.filter(({ words }) => words).length);
          const starts =
            name === "criteo-kaggle"
              ? equalDays(accepted.length, days)
              : perFile.map((_, f) => perFile.slice(0, f).reduce((a, b) => a + b, 0));
          const splits =
            name === "avazu" ? splitByShare(accepted.length) : splitByDays(accepted.length, starts, (line) => line);
          fc.pre(splits.testAt > 0);
          const out = directory.file("out");
          const shape = modulo > 0 ? { maxRowsPerTable: modulo } : {};
          const data = await prepare({
            format: name,
            files,
            directory: out,
            partBytes,
            maxRejects: 1,
            workers: 1,
            ...shape,
          });

          const { ids, vocabularies } = oracleIds(format, accepted, modulo);
          expect(readAll(data)).toEqual(accepted.map((words, i) => [...words.slice(0, format.keysAt), ...ids[i]]));
          expect([data.splits.train?.rows, data.splits.test?.rows]).toEqual([
            splits.testAt,
            splits.valAt - splits.testAt,
          ]);
          for (const [t, { name: table }] of format.tables.entries()) {
            expect([...(await openVocabulary(out, table)).keys]).toEqual(vocabularies[t]);
          }
          const manifest = await readManifest(out);
          const rejects = oracles.flatMap(({ lines }, f) =>
            lines.flatMap(({ line, offset, reason, field }) =>
              reason === null
                ? []
                : [`log-${f}\t${line}\t${offset}\t${reason}\t${field ? format.line.fields[field - 1].name : "-"}`],
            ),
          );
          expect(manifest.lines.total).toBe(oracles.reduce((n, { total }) => n + total, 0));
          expect(manifest.lines.crlf).toBe(oracles.reduce((n, { crlf }) => n + crlf, 0));
          expect(manifest.lines.rejected).toBe(rejects.length);
          const written = manifest.lines.file ? readFileSync(directory.file("out", manifest.lines.file), "utf8") : "\n";
          expect(written.split("\n").slice(1, -1)).toEqual(rejects);
          expect(existsSync(`${out}.partial`)).toBe(false);
        },
      ),
      { numRuns: 12 },
    );
  });

  it("gives the same bytes for any part size", async () => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, randomLog(kaggle, 60, 5));
    const results = [];
    for (const partBytes of [97, 1000, 1 << 26]) {
      const out = directory.file(`out-${partBytes}`);
      await prepare({ format: "criteo-kaggle", files: [log], directory: out, partBytes, randomize: "total" });
      results.push(digests(out));
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  it.each(["dictionary", "hash"] as const)(
    "gives the same bytes for parts of several blocks of rows (%s)",
    async (ids) => {
      using directory = temporary();
      const log = directory.file("train.csv");
      writeFileSync(log, randomLog(rawFormats.avazu, 2 * blockRows + 1000, 6));
      const hash = ids === "hash" ? { maxRowsPerTable: 1000 } : {};
      const results = [];
      for (const partBytes of [100_000, 1 << 26]) {
        const out = directory.file(`out-${partBytes}`);
        await prepare({ format: "avazu", files: [log], directory: out, partBytes, ids, ...hash, dropNegatives: 0.1 });
        results.push(digests(out));
      }
      expect(results[1]).toEqual(results[0]);
    },
  );

  it.each(["criteo-kaggle", "taobao"] as const)("resumes an interrupted %s to the same bytes", async (format) => {
    using directory = temporary();
    const files = [0, 1].map((i) => directory.file(`log-${i}.gz`));
    const size = format === "taobao" ? 800 : 40;
    files.forEach((file, i) => {
      const log = randomLog(rawFormats[format], size, i);
      writeFileSync(file, i === 0 ? gzipSync(log) : log);
    });
    const options: PrepareOptions = {
      format,
      files,
      directory: directory.file("whole"),
      partBytes: size * 3,
      randomize: "total",
      ...(format === "taobao" ? { series: { usersMultiple: 1 } } : { dropNegatives: 0.3 }),
    };
    let events = 0;
    await prepare({ ...options, onProgress: () => events++ });
    const random = new Random(9);
    const out = directory.file("resumed");
    let interruptions = 0;
    for (;;) {
      const controller = new AbortController();
      let left = 1 + random.below(Math.ceil(events * 0.8));
      const onProgress = () => {
        if (--left === 0) controller.abort();
      };
      try {
        await prepare({ ...options, directory: out, onProgress, signal: controller.signal });
        break;
      } catch (error) {
        expect((error as FaeError).code).toBe("ERR_INTERRUPTED");
        expect(existsSync(out)).toBe(false);
        interruptions++;
      }
    }
    expect(interruptions).toBeGreaterThan(2);
    expect(digests(out)).toEqual(digests(options.directory));
    expect(readdirSync(directory.path).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  it.each(["day", "total"] as const)("permutes training inputs by %s and nothing else", async (randomize) => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, randomLog(kaggle, 140, 3));
    const options = { format: "criteo-kaggle", files: [log], seed: 4 } as const;
    const plain = await prepare({ ...options, directory: directory.file("plain") });
    const mixed = await prepare({ ...options, directory: directory.file("mixed"), randomize });
    for (const split of ["val", "test"] as const) expect(readRows(mixed, split)).toEqual(readRows(plain, split));
    const before = readRows(plain, "train").map(String);
    const after = readRows(mixed, "train").map(String);
    expect(after).not.toEqual(before);
    const groups = randomize === "day" ? 6 : 1;
    const size = before.length / groups;
    for (let g = 0; g < groups; g++) {
      expect(after.slice(g * size, (g + 1) * size).sort()).toEqual(before.slice(g * size, (g + 1) * size).sort());
    }
  });

  it("drops a share of the negative inputs, by place in the file alone", async () => {
    using directory = temporary();
    const log = directory.file("train.txt");
    const text = randomLog(kaggle, 700, 8);
    writeFileSync(log, text);
    const options = { format: "criteo-kaggle", files: [log], dropNegatives: 0.75, seed: 2 } as const;
    const data = await prepare({ ...options, directory: directory.file("a") });
    const again = await prepare({ ...options, directory: directory.file("b"), partBytes: 9999 });
    expect(readAll(again)).toEqual(readAll(data));
    const rows = oracleText(kaggle, Buffer.from(text)).lines.map(({ words }) => words ?? []);
    const dense = (row: readonly number[]) => row.slice(0, 14).join();
    const kept = readAll(data);
    expect(kept.filter(([label]) => label === 1).map(dense)).toEqual(rows.filter(([label]) => label === 1).map(dense));
    const negatives = rows.filter(([label]) => label === 0).length;
    const keptNegatives = kept.filter(([label]) => label === 0).length;
    expect(keptNegatives / negatives).toBeGreaterThan(0.18);
    expect(keptNegatives / negatives).toBeLessThan(0.32);
    const lastDay = rows.slice(600).filter((row) => kept.some((found) => dense(found) === dense(row)));
    expect((data.splits.test?.rows ?? 0) + (data.splits.val?.rows ?? 0)).toBe(lastDay.length);
  });

  it("hashes ids without a dictionary: the unsigned key modulo the rows of a table", async () => {
    using directory = temporary();
    const log = directory.file("train.csv");
    const { avazu } = rawFormats;
    const text = randomLog(avazu, 30, 1);
    writeFileSync(log, text);
    const out = directory.file("out");
    const data = await prepare({ format: "avazu", files: [log], directory: out, ids: "hash", maxRowsPerTable: 1000 });
    const expected = oracleText(avazu, Buffer.from(text)).lines.map(({ words }) =>
      (words ?? []).slice(avazu.keysAt).map((key) => (key >>> 0) % 1000),
    );
    expect(idsOf(data, avazu.keysAt)).toEqual(expected);
    expect(data.tables.every(({ rows }) => rows === 1000)).toBe(true);
    expect(readdirSync(out)).not.toContain("vocab");
  });

  it("finds the published files of a directory in their order", async () => {
    using directory = temporary();
    const raw = directory.file("raw");
    mkdirSync(raw);
    const days = [0, 1, 10].map((day) => ({ name: `day_${day}`, text: randomLog(kaggle, 3, day) }));
    for (const { name, text } of days)
      writeFileSync(`${raw}/${name}${name === "day_1" ? ".gz" : ""}`, name === "day_1" ? gzipSync(text) : text);
    const out = directory.file("out");
    const data = await prepare({ format: "criteo-terabyte", files: [raw], directory: out });
    expect((await readManifest(out)).sources.map(({ name }) => name)).toEqual(["day_0", "day_1.gz", "day_10"]);
    expect([data.splits.train?.rows, data.splits.test?.rows, data.splits.val?.rows]).toEqual([6, 2, 1]);
  });

  it("reports its progress up to the last byte", async () => {
    using directory = temporary();
    const log = directory.file("train.txt");
    const text = randomLog(kaggle, 50, 2);
    writeFileSync(log, text);
    const seen: string[] = [];
    await prepare({
      format: "criteo-kaggle",
      files: [log],
      directory: directory.file("out"),
      partBytes: 2000,
      onProgress: ({ stage, bytesDone, bytesTotal, lines, secondsLeft }) => {
        if (stage === "read") expect(bytesTotal).toBe(text.length);
        if (bytesDone === bytesTotal) seen.push(stage);
        if (stage === "write") expect(lines).toBe(50);
        expect(secondsLeft).toBeGreaterThanOrEqual(0);
      },
    });
    expect([...new Set(seen)]).toEqual(["read", "number", "write"]);
  });
});

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
    ["another log", randomLog(rawFormats.avazu, 1500, 1), /1500 of 1500 lines are malformed \(100 %\)/],
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

  it("the test file of Avazu, whose header has no click", async () => {
    const header = "id,hour,C1";
    const error = await failing(`${header}\n1,14102100,2\n`, { format: "avazu" });
    expect(error.message).toContain(`has the header '${header}', expected 'id,click,hour`);
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

  it("to work where another process works", async () => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, lines);
    mkdirSync(directory.file("out.partial", "work"), { recursive: true });
    writeFileSync(directory.file("out.partial", "work", "lock"), `${process.ppid}`);
    const options = { format: "criteo-kaggle", files: [log], directory: directory.file("out") } as const;
    await expect(prepare(options)).rejects.toThrow(`Process ${process.ppid} works on`);
    for (const gone of ["999999999", `${process.pid} 12345`]) {
      mkdirSync(directory.file("out.partial", "work"), { recursive: true });
      writeFileSync(directory.file("out.partial", "work", "lock"), gone);
      await prepare(options);
      rmSync(directory.file("out"), { recursive: true });
    }
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
