import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type FaeError, type PreparedData, Random } from "@fae/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digests, randomLog, readAll, readRows, temporary } from "../../test/support/logs.js";
import { oracleIds, oracleText } from "../../test/support/oracle.js";
import { writeManifest } from "../manifest.js";
import { openPrepared, readManifest } from "../open-prepared.js";
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
            asGiven: true, // each log has hours of its own, and small ones may be the same
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

  it.each(["criteo-kaggle", "criteo-terabyte", "avazu", "taobao"] as const)(
    "takes the first line of %s behind a byte order mark, plain or gzip, whatever the parts",
    async (format) => {
      using directory = temporary();
      const { header } = rawFormats[format];
      const log = randomLog(rawFormats[format], format === "taobao" ? 300 : 20, 7);
      const text = header === null ? log : `${header}\n${log}`;
      const series = format === "taobao" ? { series: { usersMultiple: 1 } } : {};
      const made = async (name: string, bytes: Buffer, partBytes: number) => {
        writeFileSync(directory.file(name), bytes);
        const out = directory.file(`${name}-${partBytes}`);
        await prepare({ format, files: [directory.file(name)], directory: out, partBytes, ...series });
        const { "manifest.json": _, ...files } = digests(out);
        return files;
      };
      const whole = await made("bare", Buffer.from(text), 1 << 26);
      const marked = Buffer.from(`\ufeff${text}`);
      for (const partBytes of [97, 1 << 26]) expect(await made("marked", marked, partBytes)).toEqual(whole);
      expect(await made("marked.gz", gzipSync(marked), 97)).toEqual(whole);
    },
  );

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

  it.each([
    ["criteo-kaggle", { ids: "dictionary" }],
    ["criteo-kaggle", { ids: "hash", maxRowsPerTable: 1000 }],
    ["criteo-kaggle", { randomize: "total" }],
    ["avazu", { ids: "dictionary" }],
    ["criteo-terabyte", { ids: "dictionary" }],
  ] as const)(
    "leaves out negatives of the training split of %s alone, by place in the file (%o)",
    async (name, more) => {
      using directory = temporary();
      const format = rawFormats[name];
      const texts =
        name === "criteo-terabyte"
          ? [6, 7, 8].map((seed) => randomLog(format, 300, seed))
          : [randomLog(format, 700, 8)];
      const files = texts.map((_text, i) => directory.file(`day_${i}`));
      for (const [i, text] of texts.entries()) writeFileSync(files[i], text);
      const options = { format: name, files, seed: 2, ...more } as const;
      const whole = await prepare({ ...options, randomize: "none", directory: directory.file("whole") });
      const data = await prepare({ ...options, dropNegatives: 0.75, directory: directory.file("a") });
      const again = await prepare({ ...options, dropNegatives: 0.75, directory: directory.file("b"), partBytes: 9999 });
      expect(readAll(again)).toEqual(readAll(data));
      expect([whole.keptNegatives, data.keptNegatives]).toEqual([1, 0.25]);
      // Ids follow the vocabulary, which may lack keys: dense values and hashed ids tell rows apart.
      const words = "maxRowsPerTable" in more ? undefined : format.keysAt;
      const shown = (of: PreparedData, split: "train" | "val" | "test") =>
        readRows(of, split).map((row) => String(row.slice(0, words)));
      for (const split of ["val", "test"] as const) expect(shown(data, split)).toEqual(shown(whole, split));
      const [all, kept] = [shown(whole, "train"), shown(data, "train")];
      const clicks = (rows: string[]) => rows.filter((row) => row.startsWith("1")).sort();
      expect(clicks(kept)).toEqual(clicks(all));
      const share = (kept.length - clicks(kept).length) / (all.length - clicks(all).length);
      expect(share).toBeGreaterThan(0.18);
      expect(share).toBeLessThan(0.32);
      if ("randomize" in more) return;
      // In order: every kept row is the next of its kind.
      let at = 0;
      for (const row of kept) at = all.indexOf(row, at) + 1 || Number.NaN;
      expect(at).toBeGreaterThan(0);
      const { splits } = await readManifest(data.directory);
      expect(splits.train?.rows).toBe(kept.length);
      expect(splits.train?.positives).toBe(clicks(kept).length);
    },
  );

  it("of an older version that thinned every split is taken as not thinned: its held-out inputs need no correction", async () => {
    using directory = temporary();
    const log = directory.file("train.txt");
    writeFileSync(log, randomLog(kaggle, 140, 8));
    const data = await prepare({
      format: "criteo-kaggle",
      files: [log],
      directory: directory.file("a"),
      dropNegatives: 0.5,
    });
    expect(data.keptNegatives).toBe(0.5);
    const manifest = await readManifest(data.directory);
    const { thinned: _, ...options } = manifest.options;
    writeManifest(data.directory, { ...manifest, version: 1, options });
    expect((await openPrepared(data.directory)).keptNegatives).toBe(1);
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
