import { Random, streams } from "@fae/core";
import { describe, expect, it } from "vitest";
import { avazu } from "./calibration/avazu.js";
import { kaggle } from "./calibration/kaggle.js";
import { terabyte } from "./calibration/terabyte.js";
import { createRankTable, rankAt, shareOf } from "./rank-law.js";
import { scaledLaw } from "./scaled-law.js";

const lawOf = (calibration: typeof kaggle, name: string) => {
  const table = calibration.tables.find((t) => t.name === name);
  if (!table) throw new Error(name);
  return { ...table, draws: calibration.draws };
};

/** Cumulative share through `rows` ranks, by bisection of the inverse. */
function shareOfTop(table: ReturnType<typeof createRankTable>, rows: number): number {
  let [low, high] = [0, table.mass];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (rankAt(table, middle) < rows) low = middle;
    else high = middle;
  }
  return low / table.mass;
}

describe("rank laws as counted", () => {
  it("sum to 1 within 1.5 % before they are scaled", () => {
    for (const calibration of [kaggle, terabyte, avazu]) {
      for (const { name } of calibration.tables) {
        const law = lawOf(calibration, name);
        const scale = createRankTable(law).shareOf(0) / shareOf(law)(0);
        expect(Math.abs(scale - 1), name).toBeLessThan(0.015);
      }
    }
  });

  it("meet the published numbers of rows with a whole count", () => {
    const atLeast = (law: ReturnType<typeof lawOf>, count: number) => {
      const share = shareOf(law);
      let [low, high] = [0, law.rows];
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (share(middle) * law.draws >= count - 0.5) low = middle;
        else high = middle;
      }
      return low + 1;
    };
    expect(atLeast(lawOf(kaggle, "C3"), 1)).toBe(10131227);
    expect(atLeast(lawOf(kaggle, "C3"), 10)).toBe(193949);
    expect(atLeast(lawOf(terabyte, "C20"), 1)).toBe(292775614);
    expect(atLeast(lawOf(terabyte, "C20"), 3)).toBe(48937457);
    expect(atLeast(lawOf(terabyte, "C20"), 15)).toBe(8165896);
    expect(atLeast(lawOf(avazu, "device_ip"), 4)).toBe(1611747);
  });

  it("give the measured access shares of the top rows", () => {
    for (const [calibration, name, top, share] of [
      [kaggle, "C3", 100, 0.348],
      [kaggle, "C3", 10_000, 0.535],
      [kaggle, "C3", 1_000_000, 0.744],
      [kaggle, "C10", 10_000, 0.971],
      [terabyte, "C20", 100, 0.692],
      [terabyte, "C20", 1_000_000, 0.836],
      [terabyte, "C1", 10_000, 0.793],
      [avazu, "device_ip", 10_000, 0.25],
      [avazu, "device_ip", 1_000_000, 0.755],
      [avazu, "device_id", 100, 0.833],
    ] as const) {
      const table = createRankTable(lawOf(calibration, name));
      expect(Math.abs(shareOfTop(table, top) - share), `${name} ${top}`).toBeLessThan(0.006);
    }
  });
});

describe("rankAt", () => {
  it("never falls, starts at 0 and ends at the last row", () => {
    const table = createRankTable(lawOf(kaggle, "C3"));
    const random = new Random(1, streams.synth);
    const masses = Float64Array.from({ length: 20_000 }, () => random.next()).sort();
    let before = 0;
    for (const u of masses) {
      const rank = rankAt(table, u * table.mass);
      expect(rank).toBeGreaterThanOrEqual(before);
      before = rank;
    }
    expect(rankAt(table, 0)).toBe(0);
    expect(rankAt(table, table.mass)).toBe(10131226);
    expect(rankAt(table, table.mass * (1 - 1e-12))).toBe(10131226);
  });

  it("gives every rank of a power piece its share", () => {
    const table = createRankTable({ rows: 1_000_000, anchors: [1, 0.1, 1_000_000, 1e-7], draws: 0 });
    for (const rank of [30_000, 100_000, 900_000]) {
      const width = shareOfTop(table, rank + 1000) - shareOfTop(table, rank);
      expect(width / (1000 * table.shareOf(rank + 500))).toBeCloseTo(1, 3);
    }
  });

  it("keeps a fixed share for a blank rank and skips it when an event decides", () => {
    const law = lawOf(kaggle, "C3");
    const skipped = createRankTable(law, { rank: 1, share: 0.0339, drawn: false });
    expect(skipped.mass).toBeCloseTo(1 - 0.0339, 12);
    expect(skipped.head[1]).toBe(skipped.head[0]);
    const drawn = createRankTable(law, { rank: 1, share: 0.2, drawn: true });
    expect(drawn.mass).toBeCloseTo(1, 12);
    expect(drawn.head[1] - drawn.head[0]).toBeCloseTo(0.2, 12);
  });
});

describe("scaledLaw", () => {
  it("keeps the head, and the share of the top 6.8 % of the rows within 0.09", () => {
    const law = lawOf(kaggle, "C3");
    const full = createRankTable(law);
    const small = createRankTable(scaledLaw(law, 101_312));
    expect(Math.abs(shareOfTop(small, 10) - shareOfTop(full, 10))).toBeLessThan(0.03);
    expect(Math.abs(shareOfTop(small, 6889) - shareOfTop(full, 688_923))).toBeLessThan(0.09);
    for (const { name, rows } of kaggle.tables) {
      const share = shareOf(scaledLaw(lawOf(kaggle, name), Math.max(10, Math.round(rows / 100))));
      for (let rank = 1; rank < rows / 100 - 1; rank = Math.ceil(rank * 1.3)) {
        expect(share(rank), `${name} ${rank}`).toBeLessThanOrEqual(share(rank - 1) * 1.0001);
      }
    }
  });
});
