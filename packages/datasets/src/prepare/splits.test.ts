import { describe, expect, it } from "vitest";
import { equalDays, fileStarts, mustTrain, splitByDays, splitByShare } from "./splits.js";

describe("splits", () => {
  it("cuts Criteo Kaggle as the reference does", () => {
    const rows = 45_840_617;
    const starts = equalDays(rows, 7);
    expect(starts.map((start, day) => (starts[day + 1] ?? rows) - start)).toEqual([
      ...Array<number>(4).fill(6_548_660),
      ...Array<number>(3).fill(6_548_659),
    ]);
    const { testAt, valAt } = splitByDays(rows, starts, (line) => line);
    expect([testAt, valAt - testAt, rows - valAt]).toEqual([39_291_958, 3_274_330, 3_274_329]);
  });

  it("takes 80 % of Avazu for training and gives the odd row to test", () => {
    const rows = 40_428_967;
    const { testAt, valAt } = splitByShare(rows);
    expect([testAt, valAt - testAt, rows - valAt]).toEqual([32_343_173, 4_042_897, 4_042_897]);
    expect(splitByShare(7)).toMatchObject({ testAt: 5, valAt: 6 });
  });

  it("begins a day with each file", () => {
    const part = (file: number, accepted: number) => ({ file, accepted });
    expect(fileStarts([part(0, 3), part(0, 4), part(1, 5), part(2, 1)], 3)).toEqual([0, 7, 12]);
  });

  it("moves day borders to kept rows, and keeps every line that is held out", () => {
    const splits = splitByDays(12, [0, 4, 8], (line) => line / 2);
    expect(splits).toEqual({ rows: 8, testAt: 4, valAt: 6, days: [0, 2, 4], testLine: 8 });
  });

  it("refuses a log without training inputs", () => {
    expect(() => mustTrain(splitByDays(1, [0, 0], (line) => line))).toThrow(/1 inputs and none/);
  });
});
