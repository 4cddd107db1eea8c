import { type Normal, normalAt } from "./normal.js";
import type { DenseColumn } from "./sources/types.js";

/** A count column ready to draw from: x = round(exp(location + spread n) - 1), at least 1, for the share above zero. */
export interface DenseDraw {
  readonly negative: number;
  readonly lowest: number;
  /** negative + zero. */
  readonly notPositive: number;
  readonly location: number;
  readonly spread: number;
}

const largest = 2147483647;
const fitPoints = 512;

const positive = (exponent: number): number => Math.min(largest, Math.max(1, Math.floor(Math.exp(exponent) - 0.5)));

/** Finds location and spread so that ln(1 + x), negative x counted as 0, has the column's mean and deviation. */
export function createDenseDraw(column: DenseColumn, normal: Normal): DenseDraw {
  const notPositive = column.negative + column.zero;
  const above = 1 - notPositive;
  const mean = column.mean / above;
  const deviation = Math.sqrt(Math.max((column.deviation ** 2 + column.mean ** 2) / above - mean ** 2, 0.0025));
  let location = mean;
  let spread = deviation;
  for (let step = 0; step < 40; step++) {
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < fitPoints; i++) {
      const value = Math.log(1 + positive(location + spread * normalAt(normal, (i + 0.5) / fitPoints)));
      sum += value;
      squares += value * value;
    }
    const found = sum / fitPoints;
    location += 0.7 * (mean - found);
    spread = Math.max(0.02, spread + 0.7 * (deviation - Math.sqrt(squares / fitPoints - found * found)));
  }
  return { negative: column.negative, lowest: column.lowest, notPositive, location, spread };
}

/** Value of a present cell for a uniform u in (0, 1). One in ten negative values is the lowest, all others are -1. */
export function denseAt(draw: DenseDraw, normal: Normal, u: number): number {
  if (u < draw.notPositive) {
    if (u >= draw.negative) return 0;
    return u < 0.1 * draw.negative ? draw.lowest : -1;
  }
  return positive(draw.location + draw.spread * normalAt(normal, (u - draw.notPositive) / (1 - draw.notPositive)));
}
