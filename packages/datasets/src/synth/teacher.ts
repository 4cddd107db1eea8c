import { unit } from "@fae/core";
import { type Normal, normalAt } from "./normal.js";
import type { DenseColumn } from "./sources/types.js";
import { fillWords, purposes } from "./words.js";

/**
 * The hidden model that labels are drawn from: P(label = 1) = sigmoid(bias + gain score), where the score adds an effect of each
 * table's row (normal for the rows of the first 1,000 ranks, 0 for all others) and of each dense feature. The label is a Bernoulli draw, so
 * no model can have a lower expected log loss than the teacher.
 */
export interface Teacher {
  readonly bias: number;
  readonly gain: number;
}

const effectRanks = 1000;
const denseIndex = 2 ** 40;

function drawNormal(index: number, normal: Normal, seed: number): number {
  const words = new Uint32Array(4);
  fillWords(words, index, purposes.effect, seed);
  return normalAt(normal, unit(words[0]));
}

/** Effects of the rows at the first ranks of table `table`. */
export const rowEffects = (table: number, rows: number, normal: Normal, seed: number): Float64Array =>
  Float64Array.from({ length: Math.min(rows, effectRanks) }, (_, rank) =>
    drawNormal(table * 2 ** 32 + rank, normal, seed),
  );

/** Effect of a count x >= 0 (missing: 0): slope ln(1 + x) + offset, which has mean 0 and a drawn deviation. */
export interface DenseEffect {
  readonly slope: number;
  readonly offset: number;
}

export function denseEffect(index: number, column: DenseColumn, normal: Normal, seed: number): DenseEffect {
  const weight = drawNormal(denseIndex + index, normal, seed);
  const present = 1 - column.missing;
  const mean = present * column.mean;
  const slope = weight / Math.sqrt(present * (column.deviation ** 2 + column.mean ** 2) - mean ** 2);
  return { slope, offset: -slope * mean };
}

/** ln(1 + x) of small counts. */
export const createLogs = (): Float64Array => Float64Array.from({ length: 4096 }, (_, x) => Math.log(1 + x));

/** Effects of the 24 hours of a day: one wave with a drawn peak. */
export function hourEffects(normal: Normal, seed: number): Float64Array {
  const phase = drawNormal(denseIndex + 100, normal, seed);
  return Float64Array.from({ length: 24 }, (_, hour) => Math.SQRT2 * Math.cos((2 * Math.PI * hour) / 24 + 2 * phase));
}

/**
 * Bias and gain for a label rate and an area under the ROC curve, from scores of inputs. The area is the expected one, over all
 * labels that these scores could get.
 */
export function tuneTeacher(scores: Float64Array, labelRate: number, auc: number): Teacher {
  const sorted = Float64Array.from(scores).sort();
  let low = 0;
  let high = 4 / deviationOf(sorted);
  let bias = Math.log(labelRate / (1 - labelRate));
  while (high - low > 1e-4 * high) {
    const gain = (low + high) / 2;
    bias = biasFor(sorted, gain, labelRate, bias);
    if (expectedAuc(sorted, { gain, bias }) < auc) low = gain;
    else high = gain;
  }
  const gain = (low + high) / 2;
  return { gain, bias: biasFor(sorted, gain, labelRate, bias) };
}

function deviationOf(values: Float64Array): number {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  return Math.sqrt(squares / values.length - (sum / values.length) ** 2);
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Bias with which the mean probability is `rate`: Newton's method from `start`, in steps of at most 1. */
function biasFor(scores: Float64Array, gain: number, rate: number, start: number): number {
  let bias = start;
  for (let step = 0; step < 100; step++) {
    let sum = 0;
    let rise = 0;
    for (let i = 0; i < scores.length; i++) {
      const p = sigmoid(bias + gain * scores[i]);
      sum += p;
      rise += p * (1 - p);
    }
    const move = (rate * scores.length - sum) / rise;
    bias += Math.min(1, Math.max(-1, move));
    if (Math.abs(move) < 1e-6) break;
  }
  return bias;
}

/** P(a positive has a higher score than a negative), scores ascending; equal scores are taken as in order (rare). */
function expectedAuc(sorted: Float64Array, teacher: Teacher): number {
  let positives = 0;
  let negatives = 0;
  let pairs = 0;
  for (let i = 0; i < sorted.length; i++) {
    const p = sigmoid(teacher.bias + teacher.gain * sorted[i]);
    pairs += p * (negatives + 0.5 * (1 - p));
    positives += p;
    negatives += 1 - p;
  }
  return pairs / (positives * negatives);
}
