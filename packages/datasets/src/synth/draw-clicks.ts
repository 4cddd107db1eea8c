import { unit } from "@fae/core";
import { type ClickModel, labelWord } from "./click-model.js";
import { denseAt } from "./dense-draw.js";
import { cdfAt, normalAt } from "./normal.js";
import { rankAt } from "./rank-law.js";
import type { Teacher } from "./teacher.js";
import { fillColumns, fineUnit, purposes } from "./words.js";

/**
 * A batch of drawn inputs, column by column: value i of column c lies at c * step + i. Tables are drawn one after the other, each for all
 * inputs, so that the laws of one table at a time fill the caches. Reused from batch to batch.
 */
export interface Clicks {
  readonly capacity: number;
  readonly step: number;
  readonly words: Uint32Array;
  /** Popularity rank and row id: a column a table. */
  readonly ranks: Uint32Array;
  readonly rows: Uint32Array;
  /** 1 where the raw cell is empty. */
  readonly blank: Uint8Array;
  /** Count columns as in the raw log (may be negative; 0 where missing), or the hour of day. */
  readonly dense: Int32Array;
  readonly missing: Uint8Array;
  /** Teacher's score before gain and bias, its logit, and the label drawn from it: one column each. */
  readonly scores: Float64Array;
  readonly logits: Float64Array;
  readonly labels: Uint8Array;
  /** Of the chain's common uniform: the part that is not blank, -1 where it is blank. */
  readonly masses: Float64Array;
  /** What the normals of all tables outside the chain share. */
  readonly commons: Float64Array;
  /** Bit e: blank event e happened. */
  readonly events: Int32Array;
  readonly denseScores: Float64Array;
}

/** Columns that lie a power of two apart would want the same lines of the caches. */
const padding = 16;

/** A batch to draw into. */
export function createClicks(model: ClickModel, capacity: number): Clicks {
  const step = capacity + padding;
  const tables = model.tables.length * step;
  const columns = denseColumns(model) * step;
  return {
    capacity,
    step,
    words: new Uint32Array(model.words * step),
    ranks: new Uint32Array(tables),
    rows: new Uint32Array(tables),
    blank: new Uint8Array(tables),
    dense: new Int32Array(columns),
    missing: new Uint8Array(columns),
    scores: new Float64Array(capacity),
    logits: new Float64Array(capacity),
    labels: new Uint8Array(capacity),
    masses: new Float64Array(capacity),
    commons: new Float64Array(capacity),
    events: new Int32Array(capacity),
    denseScores: new Float64Array(capacity),
  };
}

/** F of a click log: its count columns, or the hour of day. */
export const denseColumns = (model: ClickModel): number => Math.max(1, model.dense.length);

/** Which inputs to draw: `count` from `from` on, at most the capacity of the batch. */
export interface ClickRange {
  readonly from: number;
  readonly count: number;
  readonly day: number;
  readonly hourOf: (index: number) => number;
  /** Default: inputs of the log. */
  readonly purpose?: number;
}

/** Draws inputs into `clicks`. An input depends on nothing but the model, the teacher, its index, day, hour and purpose. */
export function drawClicks(model: ClickModel, teacher: Teacher, clicks: Clicks, range: ClickRange): void {
  const { from, count, day, hourOf, purpose = purposes.input } = range;
  fillColumns(clicks.words, clicks.step, model.words / 4, from, count, purpose, model.shape.seed);
  drawCommons(model, clicks, count);
  for (const t of model.chain) {
    drawChained(model, clicks, t, count);
    settleRanks(model, clicks, t, count, day);
  }
  drawEvents(model, clicks, count);
  for (const free of model.free) {
    drawFree(model, clicks, free, count);
    settleRanks(model, clicks, free.table, count, day);
  }
  const { scores, denseScores, dense } = clicks;
  if (model.dense.length > 0) {
    denseScores.fill(0, 0, count);
    for (let column = 0; column < model.dense.length; column++) drawDense(model, clicks, column, count);
    for (let i = 0; i < count; i++) scores[i] += denseScores[i];
  } else {
    for (let i = 0; i < count; i++) {
      dense[i] = hourOf(from + i);
      scores[i] += model.hourEffects[dense[i]];
    }
  }
  drawLabels(teacher, clicks, count);
}

function drawCommons({ normal, source, chainBlank }: ClickModel, clicks: Clicks, count: number): void {
  const { words, step, masses, commons, scores, events } = clicks;
  for (let i = 0; i < count; i++) {
    const u = fineUnit(words[i], words[step + i]);
    commons[i] = source.correlation * normalAt(normal, u);
    const isBlank = u >= chainBlank.from && u < chainBlank.from + chainBlank.share;
    masses[i] = isBlank ? -1 : u < chainBlank.from ? u : u - chainBlank.share;
    scores[i] = 0;
    events[i] = 0;
  }
}

function drawChained({ tables }: ClickModel, { ranks, blank, masses, step }: Clicks, t: number, count: number): void {
  const { law, blankRank } = tables[t];
  for (let i = 0, at = t * step; i < count; i++, at++) {
    const isBlank = masses[i] < 0;
    ranks[at] = isBlank ? blankRank : rankAt(law, masses[i]);
    blank[at] = isBlank ? 1 : 0;
  }
}

/** How much of a normal outside the chain is its own. */
const ownShare = (correlation: number): number => Math.sqrt(1 - correlation ** 2);

function drawEvents(model: ClickModel, { words, step, commons, events }: Clicks, count: number): void {
  const { normal, source } = model;
  const own = ownShare(source.correlation);
  for (const [e, { word, limit }] of model.events.entries()) {
    for (let i = 0; i < count; i++) {
      if (commons[i] + own * normalAt(normal, unit(words[word * step + i])) < limit) events[i] |= 1 << e;
    }
  }
}

function drawFree(
  { normal, source, tables }: ClickModel,
  { words, step, commons, events, ranks, blank }: Clicks,
  { table: t, word, event, cdf }: ClickModel["free"][number],
  count: number,
): void {
  const { law, blankRank } = tables[t];
  const { mass } = law;
  const own = ownShare(source.correlation);
  const bit = event < 0 ? 0 : 1 << event;
  for (let i = 0, at = t * step; i < count; i++, at++) {
    let rank = blankRank;
    if ((events[i] & bit) === 0) {
      rank = rankAt(law, cdfAt(cdf, commons[i] + own * normalAt(normal, unit(words[word * step + i]))) * mass);
    }
    ranks[at] = rank;
    blank[at] = rank === blankRank ? 1 : 0;
  }
}

/** Ranks of table `t` to rows, and their effects to the scores. */
function settleRanks(model: ClickModel, clicks: Clicks, t: number, count: number, day: number): void {
  const { ranks, rows, scores, step } = clicks;
  const { effects, rowOf } = model.tables[t];
  const drift = model.drifts?.[t];
  if (drift) for (let at = t * step; at < t * step + count; at++) ranks[at] = drift(ranks[at], day);
  for (let i = 0, at = t * step; i < count; i++, at++) {
    const rank = ranks[at];
    if (rank < effects.length) scores[i] += effects[rank];
    rows[at] = rowOf(rank);
  }
}

/** Draws one count column, and adds its part of the teacher's score. */
function drawDense(model: ClickModel, clicks: Clicks, column: number, count: number): void {
  const { words, step, dense, missing, denseScores } = clicks;
  const { normal, logs } = model;
  const draw = model.dense[column];
  const { slope, offset } = model.denseEffects[column];
  const below = model.missingBelow[column];
  const shift = (model.missingHalf[column] & 1) === 0 ? 0 : 16;
  const halves = (model.missingWord + (model.missingHalf[column] >>> 1)) * step;
  const units = (model.denseWord + column) * step;
  for (let i = 0, at = column * step; i < count; i++, at++) {
    const isMissing = ((words[halves + i] >>> shift) & 0xffff) < below;
    const x = isMissing ? 0 : denseAt(draw, normal, unit(words[units + i]));
    missing[at] = isMissing ? 1 : 0;
    dense[at] = x;
    denseScores[i] += offset + slope * (x < logs.length ? logs[Math.max(0, x)] : Math.log(1 + x));
  }
}

function drawLabels({ bias, gain }: Teacher, { words, step, scores, logits, labels }: Clicks, count: number): void {
  for (let i = 0; i < count; i++) {
    const logit = bias + gain * scores[i];
    logits[i] = logit;
    labels[i] = unit(words[labelWord * step + i]) < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
  }
}
