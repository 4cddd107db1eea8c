import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporary } from "../../test/support/logs.js";
import { readWords } from "./part-rows.js";
import { destinationOf } from "./row-order.js";
import { assembleBlock, openScatter } from "./shuffle.js";
import { createRows } from "./split-files.js";

describe("destinationOf", () => {
  it("permutes each range onto itself", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { minLength: 1, maxLength: 6 }), fc.nat(), (sizes, seed) => {
        const starts = [0];
        for (const size of sizes) starts.push(starts[starts.length - 1] + size);
        const destination = destinationOf({ kind: "permuted", starts, seed });
        const rows = starts[starts.length - 1];
        const places = Array.from({ length: rows }, (_, row) => destination(row));
        for (const [i, start] of starts.slice(0, -1).entries()) {
          const range = places.slice(start, starts[i + 1]).sort((a, b) => a - b);
          expect(range).toEqual(Array.from({ length: sizes[i] }, (_, k) => start + k));
        }
      }),
    );
  });
});

describe("shuffle", () => {
  it("puts every row of every part in its place, whatever the block size", () => {
    using directory = temporary();
    const rows = 137;
    const stride = 3;
    const destination = (row: number) => (row * 53) % rows;
    for (const blockRows of [1, 7, 64, 500]) {
      const path = directory.file(`out-${blockRows}`);
      createRows(path, rows * stride * 4);
      const scatterPaths = [0, 1, 2].map((part) => directory.file(`scatter-${blockRows}-${part}`));
      for (const [part, from, to] of [
        [0, 0, 50],
        [1, 50, 50],
        [2, 50, rows],
      ]) {
        const scatter = openScatter({
          path: scatterPaths[part],
          places: rows,
          blockPlaces: blockRows,
          stride,
          capacity: to - from,
        });
        scatter.write(
          Int32Array.from({ length: (to - from) * stride }, (_, i) => from * stride + i),
          (i) => destination(from + i),
        );
        scatter.close();
      }
      for (let block = 0; block * blockRows < rows; block++)
        assembleBlock({ block, rows, blockRows, stride, scatterPaths, path });
      const out = readWords(path, 0, rows * stride);
      for (let row = 0; row < rows; row++) {
        expect([...out.subarray(destination(row) * stride, (destination(row) + 1) * stride)]).toEqual(
          [0, 1, 2].map((c) => row * stride + c),
        );
      }
    }
  });

  it("refuses a block that the parts do not fill", () => {
    using directory = temporary();
    const path = directory.file("out");
    const scatterPath = directory.file("scatter");
    createRows(path, 8);
    openScatter({ path: scatterPath, places: 2, blockPlaces: 2, stride: 1, capacity: 0 }).close();
    const input = { block: 0, rows: 2, blockRows: 2, stride: 1, scatterPaths: [scatterPath], path };
    expect(() => assembleBlock(input)).toThrow(/got 0 rows, expected 2/);
  });
});
