import fc from "fast-check";
import { expect, it } from "vitest";
import { jsonlRows } from "../../src/schema/jsonl.js";
import { type RowReject, textOf } from "../../src/schema/row-block.js";

const columns = [
  { name: "a", isList: false, isOptional: true, path: ["a"] },
  { name: "b", isList: true, isOptional: true, path: ["b"] },
];

/** Cells of column a, and the values of column b, of a text that arrives in pieces. */
async function read(text: string, size: number) {
  const bytes = Buffer.from(text);
  const pieces = (async function* () {
    for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
  })();
  const rejects: RowReject[] = [];
  const unused: string[] = [];
  const options = {
    path: "log.jsonl",
    columns,
    where: () => "",
    facts: { rows: 0, crlf: 0 },
    onReject: (reject: RowReject) => rejects.push(reject),
    onUnused: (names: readonly string[]) => unused.push(...names),
  };
  const rows: { row: number; a: string | null; b: string[] | null }[] = [];
  for await (const { rows: count, bytes: from, cells, numbers } of jsonlRows(pieces, options)) {
    for (let i = 0; i < count; i++) {
      const cell = (c: number) =>
        cells[4 * i + 2 * c] < 0 ? null : textOf(from, cells[4 * i + 2 * c], cells[4 * i + 2 * c + 1]);
      const list = cell(1);
      rows.push({ row: numbers[i], a: cell(0), b: list === null ? null : list.split("\u001f") });
    }
  }
  return { rows, rejects, unused };
}

const text = fc.string({
  unit: fc.constantFrom("x", "ü", '"', "\\", "/", "\n", "\t", "🙂", "{", "]", ","),
  maxLength: 6,
});
const scalar = fc.oneof(
  text,
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
);
const other = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.record({ z: scalar, y: fc.array(fc.record({ x: scalar })) }),
);
const object = fc.record(
  { a: scalar, b: fc.array(scalar, { maxLength: 4 }), other, "a b": scalar },
  { requiredKeys: [] },
);

/** What JSON writes for a value, which is its text. */
const textOfValue = (value: unknown): string | null =>
  value === null || value === undefined || value === ""
    ? null
    : typeof value === "string"
      ? value
      : JSON.stringify(value);

it("every object reads back as JSON.parse reads it, wherever its pieces end", async () => {
  const lines = fc.array(fc.tuple(object, fc.constantFrom(undefined, 1)), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(lines, fc.integer({ min: 1, max: 50 }), async (given, size) => {
      // Spaces between tokens, but no line ends, in half of the lines.
      const log = given.map(([value, space]) => `${JSON.stringify(value, null, space).replace(/\n/g, " ")}\n`).join("");
      const { rows, rejects } = await read(log, size);
      expect(rejects).toEqual([]);
      expect(rows.map(({ a }) => a)).toEqual(given.map(([value]) => textOfValue(value.a)));
      expect(rows.map(({ b }) => b)).toEqual(
        given.map(([{ b }]) =>
          b === undefined ? null : b.length === 0 ? [""] : b.map((item) => textOfValue(item) ?? ""),
        ),
      );
    }),
  );
});

it("a line that JSON.parse refuses is refused, and no other", async () => {
  const tokens = fc.array(
    fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      '"a"',
      ":",
      ",",
      "1",
      "-",
      "01",
      "null",
      "nul",
      '"\\u00"',
      '"\\ud83d"',
      "tru",
      " ",
    ),
    { maxLength: 9 },
  );
  await fc.assert(
    fc.asyncProperty(tokens, async (parts) => {
      const line = `{"other":1${parts.join("")}`;
      let isObject = true;
      try {
        JSON.parse(line);
      } catch {
        isObject = false;
      }
      const { rejects } = await read(`${line}\n`, 100);
      const isRefused = rejects.some(({ reason }) => reason === "not-json");
      // A lone half of a pair is JSON and no text: it is refused too. Values that are passed over are not looked into.
      if (isObject && !line.includes("ud83d")) expect(isRefused).toBe(false);
      if (!isObject && !/[[{]/.test(line.slice(1))) expect(isRefused).toBe(true);
    }),
    { numRuns: 500 },
  );
});

it("integers of any width and both halves of a pair stay whole", async () => {
  const { rows, unused } = await read(
    '{"a": 18446744073709551617, "b": ["\\ud83d\\ude00", 9007199254740993], "c": {}}\n',
    7,
  );
  expect(rows).toEqual([{ row: 1, a: "18446744073709551617", b: ["😀", "9007199254740993"] }]);
  expect(unused).toEqual(["c"]);
});
