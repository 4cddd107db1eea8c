import { expect, test } from "vitest";
import { OutOfMemoryError } from "./errors.js";
import { initialParameter } from "./initial.js";

test("a parameter that no array can hold is refused by its name and size", () => {
  const start = () => initialParameter({ name: "top.0.weight", shape: [2e8, 2e8], init: { kind: "zeros" } }, 1);
  expect(start).toThrow(OutOfMemoryError);
  expect(start).toThrow("'top.0.weight' has 40000000000000000 values");
});
