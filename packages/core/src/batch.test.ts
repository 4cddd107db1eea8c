import fc from "fast-check";
import { expect, test } from "vitest";
import { idColumns, type RowLayout, strideWords } from "./batch.js";

test("ids stand step by step, table by table, and end where the input ends", () => {
  const layouts = fc.record({
    denseFeatures: fc.nat(4),
    steps: fc.nat(3),
    hotness: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
  });
  fc.assert(
    fc.property(layouts, (drawn) => {
      const layout: RowLayout = { ...drawn, denseEncoding: "float32" };
      const expected: [word: number, table: number][] = [];
      let word = 1;
      for (let step = 0; step < Math.max(1, layout.steps); step++) {
        word += layout.denseFeatures;
        layout.hotness.forEach((bag, table) => {
          for (let l = 0; l < bag; l++) expected.push([word++, table]);
        });
      }
      expect(word).toBe(strideWords(layout));
      const { words, tables } = idColumns(layout);
      expect(Array.from(words, (at, c) => [at, tables[c]])).toEqual(expected);
    }),
  );
});
