import { gzipSync } from "node:zlib";
import { DataError } from "@fae/core";
import { describe, expect, it } from "vitest";
import { randomLog } from "../../test/support/logs.js";
import type { RawFormatName } from "../raw-format.js";
import { rawFormats } from "../raw-formats.js";
import { logForm } from "./log-form.js";

const names = Object.keys(rawFormats) as RawFormatName[];
const { "criteo-kaggle": kaggle, avazu, taobao } = rawFormats;

/** How a text is written, as `delimiter header`. */
function form(name: RawFormatName, text: string | Buffer, unlabelled = false) {
  const source = { path: "some log.txt", isGzip: false, unlabelled };
  const { line, hasHeader } = logForm(rawFormats[name], source, Buffer.from(text), true);
  return [line.delimiter, hasHeader];
}

/** The message with which a text is refused. */
function refusal(name: RawFormatName, text: string | Buffer, unlabelled = false): string {
  try {
    form(name, text, unlabelled);
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return (error as DataError).message;
  }
  throw new Error("was taken");
}

const header = (name: RawFormatName) => {
  const { delimiter, fields } = rawFormats[name].line;
  return `${fields.map(({ name }) => name).join(delimiter)}\n`;
};

describe("logForm", () => {
  it.each(names)("takes %s with and without a header, by tabs and by commas", (name) => {
    const log = randomLog(rawFormats[name], 30, 1);
    const { delimiter } = rawFormats[name].line;
    const other = delimiter === "," ? "\t" : ",";
    const columns = rawFormats[name].line.fields.map((_, i) => i).join(delimiter);
    for (const [first, hasHeader] of [
      ["", false],
      [header(name), true],
      [`${columns}\n`, true],
    ] as const) {
      const text = first + log;
      expect(form(name, text)).toEqual([delimiter, hasHeader]);
      expect(form(name, `\ufeff${text.replaceAll("\n", "\r\n")}`)).toEqual([delimiter, hasHeader]);
      expect(form(name, text.replaceAll(delimiter, other))).toEqual([other, hasHeader]);
    }
  });

  it("takes other names of columns, and refuses those that say that the columns are others", () => {
    const log = randomLog(taobao, 30, 1);
    expect(form("taobao", `user_id,item_id,category_id,behavior_type,timestamp\n${log}`)).toEqual([",", true]);
    expect(refusal("taobao", `item_id,user_id,category_id,behavior,time\n${log}`)).toContain(
      "'user_id' is column 2, expected column 1",
    );
    const swapped = header("avazu").replace("C14,C15", "C15,C14");
    expect(refusal("avazu", swapped + randomLog(avazu, 30, 1))).toMatch(/'C14' is column 18, expected column 17/);
    expect(refusal("criteo-kaggle", header("criteo-kaggle").slice(6) + randomLog(kaggle, 30, 1))).toMatch(
      /39 columns, expected 40/,
    );
  });

  it("leaves malformed lines to the parser as long as one line is right", () => {
    const log = randomLog(kaggle, 1, 1);
    expect(form("criteo-kaggle", "a,b\n".repeat(100) + log)).toEqual(["\t", false]);
    expect(form("criteo-kaggle", "so it goes\n".repeat(100))).toEqual(["\t", false]);
    // A single line with a field too few would make the commas a guess.
    const commas = randomLog(kaggle, 30, 1).replaceAll("\t", ",");
    expect(form("criteo-kaggle", `${commas}1,2\n`)).toEqual(["\t", false]);
  });

  it.each([
    ["a tar archive", Buffer.concat([Buffer.alloc(257), Buffer.from("ustar")]), "tar -xf 'some log.txt'"],
    ["a zip archive", Buffer.from("PK\x03\x04"), "unzip"],
    ["a gzip file", gzipSync("x"), "gunzip -k"],
    ["a bzip2 file", Buffer.from("BZh91AY"), "bunzip2 -k"],
    ["an xz file", Buffer.from("\xfd7zXZ\0", "latin1"), "unxz -k"],
    ["a Zstandard file", Buffer.from("\x28\xb5\x2f\xfd", "latin1"), "unzstd"],
    ["a 7z archive", Buffer.from("7z\xbc\xaf\x27\x1c", "latin1"), "7z x"],
    ["a Parquet file", Buffer.from("PAR1\x15\0"), "Export it as text"],
    ["a numpy file", Buffer.from("\x93NUMPY", "latin1"), "Export it as text"],
    ["UTF-16 text", Buffer.from("\ufeff1\t2\t3\t4\n", "utf16le"), "iconv -f UTF-16 -t UTF-8 'some log.txt'"],
    ["UTF-16 text", Buffer.from("1\t2\t3\t4\t5\n", "utf16le"), "iconv"],
    ["an HTML or XML page", Buffer.from("\n<!DOCTYPE html><html>"), "Download it again"],
    ["JSON", Buffer.from('{"label": 1}\n'), "Export it as text"],
    ["a pointer of Git LFS", Buffer.from("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"],
  ])("knows %s by its first bytes", (what, bytes, fix) => {
    for (const name of names) {
      const message = refusal(name, bytes);
      expect(message).toContain(`'some log.txt' is ${what}, not the lines of a log.`);
      expect(message).toContain(fix);
    }
  });

  it("names the separator and the command that changes it", () => {
    const log = randomLog(kaggle, 30, 1);
    expect(refusal("criteo-kaggle", log.replaceAll("\t", ";"))).toMatch(
      /has semicolons between its fields, expected tabs. Convert it: tr ';' '\\t' < 'some log.txt' > mended.tsv$/,
    );
    const spaces = randomLog(taobao, 30, 1).replaceAll(",", " ");
    expect(refusal("taobao", spaces)).toMatch(/has spaces .* expected commas.*tr ' ' , < 'some log.txt' > mended.csv$/);
    expect(
      refusal("avazu", header("avazu").replaceAll(",", "|") + randomLog(avazu, 30, 1).replaceAll(",", "|")),
    ).toMatch(/has bars/);
  });

  it("knows a file without labels, and one with labels where none should be", () => {
    const test = (text: string) => text.replaceAll(/^[^\t]*\t/gm, "");
    const log = randomLog(kaggle, 30, 1);
    for (const text of [test(log), test(header("criteo-kaggle") + log), test(log).replaceAll("\t", ",")]) {
      expect(refusal("criteo-kaggle", text)).toMatch(
        /has no labels, as a test file: 39 fields a line instead of 40. Train on .*train.txt.*fae predict RUN 'some log.txt' --format criteo-kaggle --unlabelled$/,
      );
    }
    expect(form("criteo-kaggle", test(log), true)).toEqual(["\t", false]);
    expect(form("criteo-kaggle", test(header("criteo-kaggle") + log), true)).toEqual(["\t", true]);
    expect(refusal("criteo-kaggle", log, true)).toMatch(/has labels: 40 fields a line. Leave --unlabelled out/);
  });

  it("knows quotation marks, line ends of CR alone, another log, and a column too many", () => {
    const log = randomLog(kaggle, 30, 1);
    const quotes = log.replaceAll(/[^\t\n]+/g, '"$&"');
    expect(refusal("criteo-kaggle", quotes)).toMatch(/has quotation marks .*tr -d '"' < /);
    expect(refusal("criteo-kaggle", log.replaceAll("\n", "\r"))).toMatch(/lines end in CR alone.*tr '\\r' '\\n' < /);
    const long = Buffer.from(randomLog(kaggle, 900, 1).replaceAll("\n", "\r"));
    const source = { path: "-", isGzip: false, unlabelled: false };
    expect(() => logForm(kaggle, source, long, false)).toThrow(/^The log has no line feeds/);
    expect(refusal("taobao", randomLog(avazu, 30, 1))).toMatch(/is a log of Avazu .*, not of Taobao.*format avazu/);
    expect(refusal("criteo-kaggle", log.replaceAll(/^(?=.)/gm, "7\t"))).toMatch(
      /has 41 columns, expected 40: the first is not of the log. Leave it out: cut -f 2- < /,
    );
    const commas = `Id,${header("criteo-kaggle")}${log.replaceAll(/^(?=.)/gm, "7,")}`.replaceAll("\t", ",");
    expect(refusal("criteo-kaggle", commas)).toMatch(/has 41 columns.*cut -d , -f 2- < /);
    expect(refusal("avazu", randomLog(avazu, 30, 1).replaceAll("\n", ",x\n"))).toMatch(/the last .*cut -d , -f -24 < /);
  });
});
