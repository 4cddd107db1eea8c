import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { FaeError } from "@fae/core";
import { describe, expect, it } from "vitest";
import { digests, randomLog, temporary } from "../../test/support/logs.js";
import { readManifest } from "../open-prepared.js";
import type { RawFormatName } from "../raw-format.js";
import { rawFormats } from "../raw-formats.js";
import type { PrepareOptions } from "./options.js";
import { prepare } from "./prepare.js";

const { "criteo-kaggle": kaggle, avazu } = rawFormats;
type Files = Readonly<Record<string, string | Buffer>>;
type Given = Partial<PrepareOptions> & { readonly format: RawFormatName };

/** Writes the files, prepares those that are named, and hands back the manifest or the message of the refusal. */
async function prepared(files: Files, named: readonly string[], options: Given) {
  using directory = temporary();
  mkdirSync(directory.file("raw"));
  for (const [name, text] of Object.entries(files)) writeFileSync(directory.file("raw", name), text);
  const out = directory.file("out");
  const paths = named.map((name) => directory.file("raw", name));
  try {
    await prepare({ files: paths, directory: out, ...options });
    const { "manifest.json": _, "rejects.tsv": __, ...contents } = digests(out);
    const manifest = await readManifest(out);
    return { manifest, contents, codes: (manifest.warnings ?? []).map(({ code }) => code) };
  } catch (error) {
    expect((error as FaeError).code).toBe("ERR_DATA");
    expect(readdirSync(directory.path)).toEqual(["raw"]);
    return { message: (error as Error).message };
  }
}

const day = (seed: number, lines = 20) => randomLog(kaggle, lines, seed);
const days = (...numbers: number[]) => Object.fromEntries(numbers.map((n) => [`day_${n}`, day(n)]));
const terabyte = { format: "criteo-terabyte" } as const;
const message = (result: Awaited<ReturnType<typeof prepared>>) => result.message ?? "was taken";
const warnings = ({ manifest }: Awaited<ReturnType<typeof prepared>>) =>
  (manifest?.warnings ?? []).filter(({ code }) => /file|name/.test(code)).map(({ message }) => message);

describe("raw files", () => {
  it("in the order of a shell are refused, with the right order, unless they are meant so", async () => {
    const shell = ["day_0", "day_1", "day_10", "day_2"];
    const refused = message(await prepared(days(0, 1, 2, 10), shell, terabyte));
    expect(refused).toContain("'day_10' comes before 'day_2'");
    expect(refused).toMatch(/--as-given .*day_0 \S+day_1 \S+day_2 \S+day_10 \(or the directory/);
    const taken = await prepared(days(0, 1, 2, 10), shell, { ...terabyte, asGiven: true });
    expect(taken.manifest?.sources.map(({ name }) => name)).toEqual(shell);
    expect(taken.codes).toContain("files-out-of-order");
    const sorted = await prepared(days(0, 1, 2, 10), ["day_0", "day_1", "day_2", "day_10"], terabyte);
    expect(sorted.codes).not.toContain("files-out-of-order");
  });

  it("of Taobao may come in any order: actions are sorted by time", async () => {
    const part = (seed: number) => randomLog(rawFormats.taobao, 800, seed);
    const given = { format: "taobao", series: { usersMultiple: 1 } } as const;
    expect((await prepared({ part_1: part(1), part_2: part(2) }, ["part_2", "part_1"], given)).manifest).toBeDefined();
  });

  it("given twice are refused: by path, plain and gzip, by link, by content", async () => {
    const text = day(1);
    for (const [files, named] of [
      [{ day_0: text }, ["day_0", "day_0"]],
      [{ day_0: text, "day_0.gz": gzipSync(text) }, ["day_0", "day_0.gz"]],
      [{ day_0: text, other: text }, ["day_0", "other"]],
    ] as const) {
      expect(message(await prepared(files, named, terabyte))).toMatch(
        `'${named[0]}' and '${named[1]}' are the same file`,
      );
      expect((await prepared(files, named, { ...terabyte, asGiven: true })).codes).toContain("file-twice");
    }
    const onProgress = () => expect.unreachable("files were read before they were refused");
    await prepared({ day_0: text, other: text }, ["day_0", "other"], { ...terabyte, onProgress });
    const changed = `${text.startsWith("0") ? 1 : 0}${text.slice(1)}`;
    expect((await prepared({ day_0: text, other: changed }, ["day_0", "other"], terabyte)).manifest).toBeDefined();
    using directory = temporary();
    writeFileSync(directory.file("day_0"), text);
    symlinkSync(directory.file("day_0"), directory.file("day_1"));
    const files = ["day_0", "day_1"].map((name) => directory.file(name));
    const linked = { ...terabyte, files, directory: directory.file("out") };
    await expect(prepare(linked)).rejects.toThrow("'day_0' and 'day_1' are the same file");
    await prepare({ ...linked, asGiven: true });
    const twice = (await readManifest(linked.directory)).warnings?.filter(({ code }) => code === "file-twice");
    expect(twice).toHaveLength(1);
  });

  it("missing between two others are named", async () => {
    const all = days(0, 1, 3, 7);
    const expected = [
      "Between 'day_1' and 'day_3' number 2 is missing.",
      "Between 'day_3' and 'day_7' numbers 4 to 6 are missing.",
    ];
    expect(warnings(await prepared(all, Object.keys(all), terabyte))).toEqual(expected);
    expect(warnings(await prepared(all, ["."], terabyte))).toEqual(expected);
    expect(warnings(await prepared(days(0, 1, 2), ["."], terabyte))).toEqual([]);
    expect(warnings(await prepared(days(0, 10, 20), ["day_0", "day_10", "day_20"], terabyte))).toEqual([]);
  });

  it("with other names beside the published ones are named when they were left out", async () => {
    const files = { ...days(0, 1), "day_1.gz": gzipSync(day(1)), "day_1.bak": "x", day_24: day(24), notes: "x" };
    const found = await prepared(files, ["."], terabyte);
    expect(found.manifest?.sources.map(({ name }) => name)).toEqual(["day_0", "day_1"]);
    expect(warnings(found)).toEqual([
      "'day_1.bak' was left out: its name is none of the published ones.",
      "'day_1.gz' was left out: its name is none of the published ones, and 'day_1' is there.",
      "'day_24' was left out: its name is none of the published ones.",
    ]);
    expect(message(await prepared({ "UserBehavior.csv.zip": "PK" }, ["."], { format: "taobao" }))).toMatch(
      /holds none of UserBehavior.csv \(plain or .gz\); it holds UserBehavior.csv.zip/,
    );
    const kaggleName = { "train.gz": gzipSync(randomLog(avazu, 60, 1)) };
    expect((await prepared(kaggleName, ["."], { format: "avazu" })).manifest?.sources[0].name).toBe("train.gz");
  });

  it("under a published name of the log that looks the same are named", async () => {
    const asKaggle = await prepared({ "day_0.gz": gzipSync(day(1)) }, ["day_0.gz"], { format: "criteo-kaggle" });
    expect(warnings(asKaggle)[0]).toBe(
      "'day_0.gz' is the published name of a file of criteo-terabyte; it was read as criteo-kaggle.",
    );
    expect(warnings(await prepared({ "train.csv": day(1) }, ["train.csv"], { format: "criteo-kaggle" }))).toEqual([]);
  });

  it("that are no regular files are refused with a reason", async () => {
    using directory = temporary();
    execFileSync("mkfifo", [directory.file("pipe")]);
    const options = { format: "criteo-kaggle", directory: directory.file("out") } as const;
    await expect(prepare({ ...options, files: [directory.file("pipe")] })).rejects.toThrow(
      /not a regular file.*a pipe/,
    );
    await expect(prepare({ ...options, files: ["-"] })).rejects.toThrow(/^Standard input is not a regular file/);
    const both = [directory.path, directory.path];
    await expect(prepare({ ...options, files: both })).rejects.toThrow(/is a directory. Give one directory/);
  });
});

describe("lines", () => {
  it.each(Object.keys(rawFormats) as RawFormatName[])(
    "of %s give the same with header, commas or tabs",
    async (format) => {
      const { line, header } = rawFormats[format];
      const log = randomLog(rawFormats[format], 300, 4);
      const first = `${line.fields.map(({ name }) => name).join(line.delimiter)}\n`;
      const swap = (text: string) => text.replaceAll(line.delimiter, line.delimiter === "," ? "\t" : ",");
      const given = { format, ...(format === "taobao" ? { series: { usersMultiple: 1 } } : {}) } as const;
      const plain = await prepared({ log }, ["log"], given);
      for (const [text, codes] of [
        [first + log, header === null ? ["header-skipped"] : []],
        [swap(log), ["other-delimiter"]],
        [swap(first + log), header === null ? ["header-skipped", "other-delimiter"] : ["other-delimiter"]],
      ] as const) {
        for (const bytes of [Buffer.from(text), gzipSync(text)]) {
          const found = await prepared({ log: bytes }, ["log"], { ...given, partBytes: 2000 });
          expect(found.contents).toEqual(plain.contents);
          expect(found.codes).toEqual([...codes, ...(plain.codes ?? [])]);
          expect(found.manifest?.lines.rejected).toBe(0);
        }
      }
    },
  );

  it("of a file of another kind are not counted as malformed", async () => {
    const tar = Buffer.concat([Buffer.alloc(257), Buffer.from("ustar"), Buffer.alloc(250), Buffer.from(day(1, 2000))]);
    const refused = message(
      await prepared({ "dac.tar.gz": gzipSync(tar) }, ["dac.tar.gz"], { format: "criteo-kaggle" }),
    );
    expect(refused).toMatch(/'\S+dac.tar.gz' holds a tar archive, not the lines of a log. Unpack it first: tar -xf /);
  });

  it("of Avazu out of order of their hours are refused, with the first one, unless they are meant so", async () => {
    const lines = randomLog(avazu, 60, 1).split("\n");
    const hours = lines.map((line) => line.split(",")[2]);
    const at = hours.findIndex((hour, i) => i > 20 && hour > hours[i - 1]);
    [lines[at - 1], lines[at]] = [lines[at], lines[at - 1]];
    const log = lines.join("\n");
    const offset = lines.slice(0, at).join("\n").length + 1;
    const expected = `'log' line ${at + 1} (byte ${offset}) has hour ${hours[at - 1]} after ${hours[at]}`;
    for (const partBytes of [97, 1000, 1 << 26]) {
      const options = { format: "avazu", partBytes } as const;
      expect(message(await prepared({ log }, ["log"], options))).toContain(expected);
      const taken = await prepared({ log }, ["log"], { ...options, asGiven: true });
      expect(taken.manifest?.warnings).toContainEqual({
        code: "hours-out-of-order",
        message: expect.stringContaining(expected),
      });
    }
    const [first, second] = [lines.slice(0, 10), lines.slice(30, 50)].map((part) => `${part.join("\n")}\n`);
    const files = { a: second, b: first };
    expect(message(await prepared(files, ["a", "b"], { format: "avazu" }))).toMatch(
      /'b' line 1 \(byte 0\) has hour \d+ after \d+/,
    );
    expect((await prepared(files, ["b", "a"], { format: "avazu" })).codes).not.toContain("hours-out-of-order");
  });
});

describe("degenerate data", () => {
  const kaggleLine = (label: number, i: number) =>
    [label, 5, ...Array<number>(12).fill(i), ...Array<string>(25).fill(i.toString(16)), "ab"].join("\t");

  it("is said: an empty split, one class, constant columns", async () => {
    const log = Array.from({ length: 40 }, (_, i) => `${kaggleLine(i < 38 ? i & 1 : 1, i)}\n`).join("");
    const { manifest } = await prepared({ log }, ["log"], { format: "criteo-kaggle", days: 40, partBytes: 500 });
    expect(manifest?.warnings).toEqual([
      {
        code: "empty-split",
        message:
          "Split 'val' has no inputs. It is the second half of the last of 40 days, 1 inputs. Give fewer days (--days) or more of the log.",
      },
      {
        code: "one-class",
        message: expect.stringMatching(/^All 1 inputs of split 'test' have label 1: AUC is undefined/),
      },
      { code: "constant-column", message: expect.stringMatching(/^Every input has the same value in I1 \(5\), C26:/) },
    ]);
  });

  it("of Taobao names the users that are left, and the option", async () => {
    const log = randomLog(rawFormats.taobao, 1500, 2);
    const few = await prepared({ log }, ["log"], { format: "taobao", series: { usersMultiple: 16 } });
    expect(few.manifest?.warnings).toContainEqual({
      code: "empty-split",
      message: expect.stringMatching(/^Split 'test' has no inputs. No user's last action is later/),
    });
    const times = log.replaceAll(/^(\d+)(.*),.*$/gm, "$1$2,$1");
    const cut = await prepared({ log: times }, ["log"], { format: "taobao", series: { usersMultiple: 16 } });
    expect(cut.manifest?.warnings?.[0].message).toBe(
      "Split 'test' has no inputs. 11 users have their last action after the split time; they are used in multiples of 16. Give more of the log, or a smaller usersMultiple (--users-multiple).",
    );
  });
});
