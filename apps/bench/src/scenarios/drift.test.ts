import { expect, test } from "vitest";
import { type DayOfDrift, hotCheck } from "./drift.js";

const day = (hotInputs: number, hotAccesses: number): DayOfDrift => ({
  drift: 0.05,
  day: 2,
  hotInputs,
  hotAccesses,
  refreshedHotInputs: hotInputs,
});

test("inputs that are hot without their accesses are noticed", () => {
  expect(hotCheck([day(0.5, 0.5), day(0.25, 0.75)])).toMatchObject({ passed: true, detail: "2 days" });
  expect(hotCheck([day(0.5, 0.75), day(0.5, 0.4)])).toMatchObject({
    passed: false,
    detail: "not on day 2 at drift 0.05",
  });
  expect(hotCheck([day(0.5, 1.5)]).passed).toBe(false);
});

test("no days, and shares of no inputs, do not pass", () => {
  expect(hotCheck([])).toMatchObject({ passed: false, detail: "nothing to compare" });
  expect(hotCheck([day(Number.NaN, Number.NaN)]).passed).toBe(false);
});
