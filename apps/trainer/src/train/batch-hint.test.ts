import { expect, test } from "vitest";
import { batchHint } from "./batch-hint.js";

const hint = (inputs: number, batch: number, maxBatches: number | null = null) =>
  batchHint(inputs, { batch, maxBatches });

test("few batches an epoch are told, with a batch that makes more", () => {
  expect(hint(6912, 1024)).toBe(
    "hint: an epoch is only 7 batches of 1024 inputs, often too few to beat the constant predictor; --batch 128 makes it 54",
  );
  expect(hint(600, 600)).toContain("only 1 batch of 600 inputs");
  expect(hint(600, 600)).toContain("--batch 8 makes it 75");
  expect(hint(20, 10)).toContain("--batch 1 makes it 20");
});

test("enough batches, and runs that are to be short, get no hint", () => {
  expect(hint(50 * 1024, 1024)).toBeNull();
  expect(hint(49 * 1024, 1024)).not.toBeNull();
  expect(hint(6912, 1024, 3)).toBeNull();
  expect(hint(20, 1)).toBeNull();
});
