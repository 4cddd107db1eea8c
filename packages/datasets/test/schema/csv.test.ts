import fc from "fast-check";
import { expect, it } from "vitest";
import { csvRows } from "../../src/schema/csv.js";
import { type RowReject, textOf } from "../../src/schema/row-block.js";

const columns = ["a", "b"].map((name) => ({ name, isList: false, isOptional: false, path: [name] }));

/** Rows of a text that arrives in pieces of the given sizes. */
async function read(text: string, sizes: readonly number[], format = { separator: ",", quote: '"' as string | null }) {
  const bytes = Buffer.from(text);
  const pieces = (async function* () {
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const size = sizes[i % sizes.length];
      yield new Uint8Array(bytes.subarray(at, at + size));
      at += size;
    }
  })();
  const rejects: RowReject[] = [];
  const facts = { rows: 0, crlf: 0 };
  const options = {
    path: "log.csv",
    columns,
    where: () => "",
    facts,
    onReject: (reject: RowReject) => rejects.push(reject),
    onUnused: () => {},
  };
  const rows: { row: number; offset: number; cells: (string | null)[] }[] = [];
  for await (const { rows: count, bytes: from, cells, numbers, offsets } of csvRows(
    pieces,
    { ...format, names: null },
    options,
  )) {
    for (let i = 0; i < count; i++) {
      const cell = (c: number) => {
        const at = 2 * (i * columns.length + c);
        return cells[at] < 0 ? null : textOf(from, cells[at], cells[at + 1]);
      };
      rows.push({ row: numbers[i], offset: offsets?.[i] ?? -1, cells: [cell(0), cell(1)] });
    }
  }
  return { rows, rejects, facts };
}

const cell = fc.string({ unit: fc.constantFrom("x", "ü", '"', ",", "\n", "\r", " ", "🙂"), maxLength: 6 });
const size = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

it("every text of quoted fields reads back, wherever its pieces end", async () => {
  const table = fc.array(fc.record({ a: cell, b: cell, isQuoted: fc.boolean() }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(table, size, fc.constantFrom("\n", "\r\n"), async (given, sizes, end) => {
      const field = (text: string, isQuoted: boolean) =>
        isQuoted || /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
      const lines = given.map(({ a, b, isQuoted }) => `${field(a, isQuoted)},${field(b, isQuoted)}${end}`);
      const { rows, rejects } = await read(`\ufeffa,b${end}${lines.join("")}`, sizes);
      expect(rejects).toEqual([]);
      expect(rows.map(({ cells }) => cells)).toEqual(given.map(({ a, b }) => [a || null, b || null]));
      let offset = 3 + 3 + end.length;
      for (const [i, line] of lines.entries()) {
        expect(rows[i].offset).toBe(offset);
        offset += Buffer.byteLength(line);
      }
    }),
  );
});

it("any bytes give the same rows and rejects, wherever their pieces end", async () => {
  const noise = fc.string({ unit: fc.constantFrom("x", '"', ",", "\n", "\r", '""', "\n\n"), maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(noise, size, async (text, sizes) => {
      const [whole, cut] = [await read(`a,b\n${text}`, [1000]), await read(`a,b\n${text}`, sizes)];
      expect(cut).toEqual(whole);
      // Every line is in a row, in a reject, inside a quoted field, or empty at the end.
      const numbers = [...whole.rows.map(({ row }) => row), ...whole.rejects.map(({ row }) => row)];
      expect(new Set(numbers).size).toBe(numbers.length);
    }),
  );
});

it("a separator may be several characters, and there may be no quotes", async () => {
  const { rows } = await read('a::b\nx:y::"z\n', [3], { separator: "::", quote: null });
  expect(rows.map(({ cells }) => cells)).toEqual([["x:y", '"z']]);
});

it("a line that is too long is passed over", async () => {
  const { rows, rejects } = await read(`a,b\n1,${"x".repeat(2 ** 21)}\n2,y\n`, [1 << 16]);
  expect(rejects).toMatchObject([{ row: 2, offset: 4, reason: "line-too-long" }]);
  expect(rows).toMatchObject([{ row: 3, cells: ["2", "y"] }]);
});

it("a quote that never closes costs its line alone, whatever follows", async () => {
  const { rows, rejects, facts } = await read(`a,b\n1,"x\n${"2,y\n".repeat(400_000)}`, [1 << 16]);
  expect(rejects).toMatchObject([{ row: 2, offset: 4, reason: "unclosed-quote" }]);
  expect(rows).toHaveLength(400_000);
  expect(rows[399_999]).toMatchObject({ row: 400_002, offset: 4 + 5 + 4 * 399_999 });
  expect(facts.rows).toBe(400_002);
});
