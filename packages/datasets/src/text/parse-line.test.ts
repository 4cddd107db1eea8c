import { Random } from "@fae/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomLine } from "../../test/support/logs.js";
import { oracleLine } from "../../test/support/oracle.js";
import { parsedWords } from "../prepare/part-writer.js";
import { rawFormats } from "../raw-formats.js";
import { lineParser } from "./parse-line.js";
import { rejectOf } from "./reject.js";

const formats = Object.values(rawFormats);

describe.each(formats)("$name lines", (format) => {
  const parse = lineParser(format.line);
  const width = parsedWords(format);

  /** The parser's answer on a line that lies between other bytes. */
  const answer = (line: string) => {
    const bytes = Buffer.from(`7f,\t${line}1a`, "latin1");
    const rows = new Int32Array(width + 2).fill(77);
    const isAccepted = parse(bytes, 4, 4 + line.length, rows, 1);
    const why = rejectOf(format.line, bytes, 4, 4 + line.length);
    expect(why === null).toBe(isAccepted);
    if (isAccepted) expect([rows[0], rows[width + 1]]).toEqual([77, 77]);
    return {
      words: isAccepted ? [...rows.subarray(1, width + 1)] : null,
      reason: why?.reason ?? null,
      field: why?.field ?? 0,
    };
  };

  it("gives the words of valid lines", () => {
    const random = new Random(1);
    for (let i = 0; i < 300; i++) {
      const line = randomLine(format, random);
      const expected = oracleLine(format, line);
      expect(expected.words).toHaveLength(width);
      expect(answer(line)).toEqual(expected);
    }
  });

  it("agrees with split strings and regular expressions on mutated lines", () => {
    const fragments = [
      "",
      "-",
      "--1",
      "0",
      "00",
      "-0",
      "2147483647",
      "2147483648",
      "-2147483648",
      "-2147483649",
      "9".repeat(40),
      "0".repeat(40),
      "abcdef01",
      "ABCDEF01",
      "abcdef012",
      "g",
      "0x1",
      " 1",
      "1 ",
      "+1",
      "1.0",
      "0.000",
      "-7.00",
      "1234567890.0",
      "1.",
      ".0",
      "1.01",
      "1.0.0",
      "14102124",
      "14130100",
      "14003100",
      "14120023",
      "14123223",
      "pv",
      "\0",
      "\r",
      "\xff",
      ",",
      "\t",
      "1e3",
    ];
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.tuple(fc.nat(60), fc.constantFrom(...fragments), fc.nat(3)), { maxLength: 4 }),
        (seed, edits) => {
          const fields = randomLine(format, new Random(seed)).split(format.line.delimiter);
          for (const [at, text, how] of edits) {
            const f = at % Math.max(1, fields.length);
            if (how === 0) fields.splice(f, 1);
            else if (how === 1) fields.splice(f, 0, text);
            else if (how === 2) fields[f] = text;
            else fields[f] = `${fields[f] ?? ""}${text}`;
          }
          const line = fields.join(format.line.delimiter);
          expect(answer(line)).toEqual(oracleLine(format, line));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("lineParser", () => {
  const words = (format: (typeof formats)[number], line: string) => {
    const row = new Int32Array(parsedWords(format));
    return lineParser(format.line)(Buffer.from(line), 0, line.length, row, 0) ? [...row] : null;
  };

  it("takes integers with a point and zeros, and any text in a skipped field", () => {
    const { avazu, taobao, "criteo-kaggle": kaggle } = rawFormats;
    expect(words(taobao, "1.0,2.00,3,,1511544070.0")).toEqual([1, 2, 3, 1511544070]);
    expect(words(taobao, "1,2,3.5,pv,4")).toBe(null);
    const tail = "14102100,1005.0,0,1fbe01fe,f3845767,28905ebd,ecad2386,7801e8d9,07d7df22,a99f214a,ddd2926e,44956a24";
    const line = `1.00E+18,0.0,${tail},1,2,15706,320,50,1722,0,35,-1,79`;
    expect(words(avazu, line)?.slice(0, 3)).toEqual([0, 0, 1005]);
    const fields = ["1.0", "-7.0", ...Array<string>(12).fill("5.0"), ...Array<string>(26).fill("")];
    expect(words(kaggle, fields.join("\t"))?.slice(0, 4)).toEqual([1, 0, 5, 5]);
  });
});

describe("rejectOf", () => {
  const { line } = rawFormats["criteo-kaggle"];
  const reject = (text: string) => rejectOf(line, Buffer.from(text, "latin1"), 0, text.length);

  it("names the field at fault and shows what it holds", () => {
    const fields = ["1", ...Array<string>(13).fill("3"), ...Array<string>(26).fill("68fd1e64")];
    fields[20] = "68fd1eXY";
    expect(reject(fields.join("\t"))).toEqual({ reason: "not-hex", field: 21, found: "68fd1eXY" });
    fields[3] = "\x01five";
    expect(reject(fields.join("\t"))).toEqual({ reason: "not-an-integer", field: 4, found: "\\x01five" });
  });

  it("shows no more than 40 bytes", () => {
    const fields = ["x".repeat(1000), ...Array<string>(39).fill("")];
    expect(reject(fields.join("\t"))?.found).toBe(`${"x".repeat(40)}...`);
  });
});
