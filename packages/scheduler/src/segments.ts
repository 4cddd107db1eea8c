import type { BatchIndex, RouteName, Segment } from "@fae/core";
import { PlanError } from "@fae/core";

/** Batches `[first, min(first + segmentBatches, end))` of a source as one segment. */
export function segment(
  index: BatchIndex,
  where: { readonly route: RouteName; readonly source: string; readonly epoch: number },
  first: number,
  end: number,
): Segment {
  const length = Math.min(index.segmentBatches, end - first);
  const batches = new Uint32Array(length);
  for (let i = 0; i < length; i++) batches[i] = first + i;
  return { kind: "segment", route: where.route, source: where.source, epoch: where.epoch, batches };
}

/** @throws PlanError when a number of the index is not a whole number in its range. */
export function checkIndex(index: BatchIndex): void {
  const whole = (name: string, value: number, least: number) => {
    if (!Number.isInteger(value) || value < least || value > 0xffffffff)
      throw new PlanError(`${name} is ${value}, expected a whole number from ${least} to 4294967295.`, {
        fix: "Correct the batch index that was given to the order.",
        details: { name, found: value, least },
      });
  };
  whole("segmentBatches", index.segmentBatches, 1);
  whole("epochs", index.epochs, 0);
  for (const source of [index.train, index.hot, index.cold]) {
    if (source === undefined) continue;
    whole(`Number of batches of "${source.name}"`, source.batches, 0);
  }
}
