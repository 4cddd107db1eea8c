import { expect, test } from "vitest";
import { coloursOf } from "./colours.js";
import { broken, figureLayout } from "./figure-layout.js";
import { figureOf, geometricMean, plainSeries, speedUp } from "./series.js";

test("labels break at spaces and behind hyphens", () => {
  expect(broken("xdl-parameter-server", 14)).toBe("xdl-parameter-\nserver");
  expect(broken("device only", 20)).toBe("device only");
  expect(broken("device only", 5)).toBe("device\nonly");
});

test("labels that do not fit even broken are turned", () => {
  const bars = (x: string[]) =>
    figureOf("bars", {
      title: "",
      x,
      yTitle: "",
      series: [
        plainSeries(
          "a",
          x.map(() => 1),
        ),
      ],
    });
  const names = Array.from({ length: 12 }, () => "unbreakable-something");
  expect(figureLayout(bars(names), 370).isTurned).toBe(true);
  expect(figureLayout(bars(["one", "two"]), 370).isTurned).toBe(false);
  expect(figureLayout(bars(names), 370).bottom).toBeGreaterThan(figureLayout(bars(["one"]), 370).bottom);
});

test("a strategy has one colour everywhere, and a published value the colour of what it is of", () => {
  const [fae, paper, other] = coloursOf(["fae", "FAE, paper", "hot inputs"]);
  expect(paper).toBe(fae);
  expect(other).not.toBe(fae);
  const [inputs, published] = coloursOf(["hot inputs", "hot inputs, paper"]);
  expect(published).toBe(inputs);
  const many = coloursOf(["a", "b", "c", "d", "fae"]);
  expect(new Set(many).size).toBe(5);
});

test("a speed-up turns the spread of its variant around", () => {
  const base = { median: 10, min: 9, max: 12, n: 3 };
  expect(speedUp(base, { median: 5, min: 4, max: 10, n: 3 })).toEqual({ median: 2, min: 1, max: 2.5, n: 3 });
  expect(speedUp(base, null)).toBeNull();
  expect(geometricMean([2, null, 8])).toBe(4);
  expect(geometricMean([null])).toBeNull();
});
