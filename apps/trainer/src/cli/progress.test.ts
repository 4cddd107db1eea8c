import { expect, test } from "vitest";
import { progressLine, startProgress } from "./progress.js";
import { captureIo } from "./test-io.js";

test("a line tells share, amount, rate and time left", () => {
  expect(progressLine("train", "inputs", 250_000, 1_000_000, 2)).toBe(
    "train  25.0 %  250 k of 1.00 M inputs  125 k/s  6.0 s left",
  );
});

test("an unknown total leaves share and time left out", () => {
  expect(progressLine("read", "lines", 500, 0, 1)).toBe("read  500 lines  500/s");
});

test("without a terminal at most one line per five seconds", () => {
  const io = captureIo({ millisecondsPerReading: 1000 });
  const progress = startProgress(io, "train", "inputs");
  for (let done = 0; done <= 12; done++) progress.update(done, 12);
  progress.end();
  expect(io.err().split("\n").length - 1).toBe(2);
  expect(io.err()).not.toContain("\r");
});

test("on a terminal the bar is redrawn in place and removed at the end", () => {
  const io = captureIo({ isTTY: true, millisecondsPerReading: 60 });
  const progress = startProgress(io, "train", "inputs");
  for (let done = 0; done <= 10; done++) progress.update(done, 10);
  progress.end();
  const drawings = io.err().split("\r\x1b[K").slice(1);
  expect(drawings.at(-1)).toBe("");
  expect(drawings.at(-2)).toContain("100.0 %");
  expect(io.err()).not.toContain("\n");
});
