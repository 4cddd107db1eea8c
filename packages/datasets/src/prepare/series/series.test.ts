import { writeFileSync } from "node:fs";
import { Random } from "@fae/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRows, temporary } from "../../../test/support/logs.js";
import { drawsFor, purposes } from "../draws.js";
import { prepare } from "../prepare.js";
import { newLine } from "./line.js";
import { PairSet } from "./pairs.js";
import { assignRoles, roles } from "./roles.js";
import { firstItem, seriesOf, seriesWords, steps, writeDrawnSeries, writeTestSeries } from "./series.js";

interface Action {
  user: number;
  item: number;
  category: number;
  time: number;
}

/** A log in which the item fixes the category, users come in any order and many actions share a time. */
function randomActions(seed: number, count: number): Action[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const item = 5 + 3 * random.below(300);
    return { user: 100 - random.below(12), item, category: 1000 - (item % 7), time: 1511544000 + random.below(400) };
  });
}

const rankOf = (values: number[]) => {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  return new Map(sorted.map((value, rank) => [value, rank]));
};

describe("Taobao series", () => {
  it("are windows of the users' sorted histories, with negatives the user never touched", async () => {
    using directory = temporary();
    const actions = randomActions(3, 1500);
    const log = directory.file("UserBehavior.csv");
    writeFileSync(
      log,
      actions.map(({ user, item, category, time }) => `${user},${item},${category},pv,${time}\n`).join(""),
    );
    const options = { files: [log], directory: directory.file("out"), partBytes: 3000, series: { usersMultiple: 1 } };
    const data = await prepare({ format: "taobao", ...options });

    const users = rankOf(actions.map(({ user }) => user));
    const items = rankOf(actions.map(({ item }) => item));
    const categories = rankOf(actions.map(({ category }) => category));
    expect(data.tables.map(({ rows }) => rows)).toEqual([users.size, items.size, categories.size]);
    const categoryOf = new Map(actions.map(({ item, category }) => [items.get(item), categories.get(category)]));
    const histories = Array.from({ length: users.size }, (_, rank) =>
      actions
        .filter(({ user }) => users.get(user) === rank)
        .sort((a, b) => a.time - b.time)
        .map(({ item }) => items.get(item) ?? -1),
    );
    const line = (user: number) => [...Array<number>(200).fill(0), ...histories[user]].slice(-200);

    for (const split of ["train", "val", "test"] as const) {
      const rows = readRows(data, split);
      expect(rows.length).toBeGreaterThan(0);
      for (const [label, ...words] of rows) {
        const series = Array.from({ length: steps }, (_, step) => words.slice(step * 4, step * 4 + 4));
        const time = new Float32Array(Int32Array.from(series, ([bits]) => bits).buffer);
        expect(time).toEqual(Float32Array.from({ length: steps }, (_, step) => step / 21));
        const user = series[0][1];
        expect(series.every((step) => step[1] === user)).toBe(true);
        expect(series.every((step) => step[3] === categoryOf.get(step[2]))).toBe(true);
        const window = series.map((step) => step[2]);
        const history = line(user);
        const candidate = window[20];
        const before = window.slice(0, 20);
        if (split === "test") {
          expect(before).toEqual(history.slice(179, 199));
          expect(candidate === history[199]).toBe(label === 1);
          continue;
        }
        const first = history.findIndex((item) => item > 0);
        const ends = Array.from({ length: 199 }, (_, end) => end).filter((end) => {
          const low = Math.min(first + (label === 1 ? 20 : 19), 198);
          const real = label === 1 ? [...before, candidate] : before;
          return end >= low && history.slice(end - real.length + 1, end + 1).join() === real.join();
        });
        expect(ends).not.toEqual([]);
        if (label === 0) expect(history.slice(0, 199)).not.toContain(candidate);
      }
    }
    const perUser = (split: "train" | "val", user: number, label: number) =>
      readRows(data, split).filter((row) => row[2] === user && row[0] === label).length;
    const trainers = [...new Set(readRows(data, "train").map((row) => row[2]))];
    for (const user of trainers) {
      const first = Math.max(
        0,
        line(user).findIndex((item) => item > 0),
      );
      for (const label of [0, 1]) {
        expect(perUser("train", user, label)).toBe(seriesOf(first, 10));
        expect(perUser("val", user, label)).toBe(Math.min(1, seriesOf(first, 10)));
      }
    }
  });

  it("are as many as the length of the history allows", () => {
    const tens = [199, 190, 189, 180, 179, 170, 169, 160, 159, 0];
    expect(tens.map((first) => seriesOf(first, 10))).toEqual([0, 0, 1, 1, 3, 3, 6, 6, 10, 10]);
  });

  it("end uniformly in their range and never use the target", () => {
    const line = newLine();
    for (let i = 0; i < 200; i++) {
      line.items[i] = i < 150 ? 0 : i;
      line.categories[i] = line.items[i];
    }
    line.length = 50;
    const negatives = { pairs: Int32Array.of(500, 500, 501, 501), draws: drawsFor(1, purposes.negative) };
    const ends = { pos: new Set<number>(), neg: new Set<number>() };
    const words = new Int32Array(20 * seriesWords);
    for (let user = 0; user < 200; user++) {
      writeDrawnSeries(words, 0, 10, user, line, drawsFor(7, purposes.trainSeries), negatives);
      for (let i = 0; i < 10; i++) {
        ends.pos.add(words[(i + 1) * seriesWords - 2]);
        ends.neg.add(words[(i + 11) * seriesWords - 6]);
        expect([500, 501]).toContain(words[(i + 11) * seriesWords - 2]);
      }
    }
    const range = (from: number) => Array.from({ length: 199 - from }, (_, i) => from + i);
    expect([...ends.pos].sort((a, b) => a - b)).toEqual(range(170));
    expect([...ends.neg].sort((a, b) => a - b)).toEqual(range(169));
    writeTestSeries(words, 0, 3, line);
    expect(words[seriesWords - 2]).toBe(199);
  });

  it("take an item 0 at the start for padding, and a line of nothing else as full", () => {
    const line = newLine();
    expect(firstItem(line)).toBe(0);
    line.items.set([0, 4, 5], 197);
    expect(firstItem(line)).toBe(198);
  });
});

describe("assignRoles", () => {
  it("tests the users that act last, cuts to a multiple and shuffles who trains", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 12, maxLength: 60 }),
        fc.nat(),
        (times, seed) => {
          const options = { trainUsers: 5, valUsers: 2, usersMultiple: 4, seed };
          const split = [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.7)];
          const testers = times.filter((time) => time > split).length;
          const { bits, testers: found } = assignRoles(Int32Array.from(times), options);
          expect(found).toBe(testers);
          const having = (bit: number) => [...bits.keys()].filter((user) => bits[user] & bit);
          const floor = (n: number) => n - (n % 4);
          expect(having(roles.listed)).toHaveLength(floor(testers) + floor(times.length - testers));
          expect(having(roles.test).every((user) => times[user] > split)).toBe(true);
          expect(having(roles.test)).toHaveLength(floor(testers));
          expect(having(roles.train)).toHaveLength(Math.min(5, floor(times.length - testers)));
          expect(having(roles.val)).toHaveLength(2);
          expect(having(roles.val).every((user) => bits[user] & roles.train)).toBe(true);
        },
      ),
    );
  });

  it("says when nobody is left to train on", () => {
    const options = { trainUsers: 5, valUsers: 2, usersMultiple: 256, seed: 0 };
    expect(() => assignRoles(new Int32Array(20), options)).toThrow(
      /20 training users; they are used in multiples of 256\. Give more of the log, 256 training users at least, or .*--users-multiple/,
    );
  });
});

describe("PairSet", () => {
  it("keeps distinct pairs in order of first appearance", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40), fc.nat(5)), { maxLength: 2000 }), (pairs) => {
        const set = new PairSet();
        for (const [item, category] of pairs) set.add(item, category);
        const expected = [...new Set(pairs.map(String))].flatMap((pair) => pair.split(",").map(Number));
        expect([...set.pairs]).toEqual(expected);
      }),
    );
  });
});
