import { unit } from "@fae/core";
import { type ClickModel, labelWord } from "./click-model.js";
import { denseAt } from "./dense-draw.js";
import { cdfAt, normalAt } from "./normal.js";
import { rankAt } from "./rank-law.js";
import type { Teacher } from "./teacher.js";
import { fillWords, fineUnit, purposes } from "./words.js";

/** One drawn input; reused from draw to draw. */
export interface Click {
  readonly words: Uint32Array;
  /** Popularity rank and row id per table. */
  readonly ranks: Uint32Array;
  readonly rows: Uint32Array;
  /** 1 where the raw cell is empty. */
  readonly blank: Uint8Array;
  /** Count columns as in the raw log (may be negative; 0 where missing), or the hour of day. */
  readonly dense: Int32Array;
  readonly missing: Uint8Array;
  /** Teacher's score before gain and bias. */
  score: number;
  /** Teacher's logit and the label drawn from it. */
  logit: number;
  label: number;
}

/** An input to draw into. */
export function createClick(model: ClickModel): Click {
  const columns = model.source.dense === "hour" ? 1 : model.dense.length;
  return {
    words: new Uint32Array(model.words),
    ranks: new Uint32Array(model.tables.length),
    rows: new Uint32Array(model.tables.length),
    blank: new Uint8Array(model.tables.length),
    dense: new Int32Array(columns),
    missing: new Uint8Array(columns),
    score: 0,
    logit: 0,
    label: 0,
  };
}

/** Draws input `index` into `click`. Depends on nothing but the model, the teacher and the arguments. */
export function drawClick(
  model: ClickModel,
  teacher: Teacher,
  click: Click,
  index: number,
  day: number,
  hour: number,
  purpose: number = purposes.input,
): void {
  const { normal, tables, chain, chainBlank, drifts } = model;
  const { words, ranks, rows, blank } = click;
  fillWords(words, index, purpose, model.shape.seed);
  const u = fineUnit(words[0], words[1]);
  const common = model.source.correlation * normalAt(normal, u);
  const own = Math.sqrt(1 - model.source.correlation ** 2);
  let score = 0;

  const isBlank = u >= chainBlank.from && u < chainBlank.from + chainBlank.share;
  const mass = u < chainBlank.from ? u : u - chainBlank.share;
  for (let i = 0; i < chain.length; i++) {
    const t = chain[i];
    const table = tables[t];
    let rank = isBlank ? table.blankRank : rankAt(table.law, mass);
    if (drifts) rank = drifts[t](rank, day);
    if (rank < table.effects.length) score += table.effects[rank];
    blank[t] = isBlank ? 1 : 0;
    ranks[t] = rank;
    rows[t] = table.rowOf(rank);
  }

  let happened = 0;
  for (let e = 0; e < model.events.length; e++) {
    const event = model.events[e];
    if (common + own * normalAt(normal, unit(words[event.word])) < event.limit) happened |= 1 << e;
  }
  for (let i = 0; i < model.free.length; i++) {
    const { table: t, word, event, cdf } = model.free[i];
    const table = tables[t];
    let rank = table.blankRank;
    if (event < 0 || (happened & (1 << event)) === 0) {
      rank = rankAt(table.law, cdfAt(cdf, common + own * normalAt(normal, unit(words[word]))) * table.law.mass);
    }
    blank[t] = rank === table.blankRank ? 1 : 0;
    if (drifts) rank = drifts[t](rank, day);
    if (rank < table.effects.length) score += table.effects[rank];
    ranks[t] = rank;
    rows[t] = table.rowOf(rank);
  }

  score += model.dense.length > 0 ? drawDense(model, click) : model.hourEffects[hour];
  if (model.dense.length === 0) click.dense[0] = hour;
  click.score = score;
  click.logit = teacher.bias + teacher.gain * score;
  click.label = unit(words[labelWord]) < 1 / (1 + Math.exp(-click.logit)) ? 1 : 0;
}

/** Draws the count columns; returns their part of the teacher's score. */
function drawDense(model: ClickModel, click: Click): number {
  const { words, dense, missing } = click;
  const { normal, missingHalf, missingBelow, logs } = model;
  let score = 0;
  for (let i = 0; i < dense.length; i++) {
    const word = words[model.missingWord + (missingHalf[i] >>> 1)];
    const half = (missingHalf[i] & 1) === 0 ? word & 0xffff : word >>> 16;
    const isMissing = half < missingBelow[i];
    const x = isMissing ? 0 : denseAt(model.dense[i], normal, unit(words[model.denseWord + i]));
    missing[i] = isMissing ? 1 : 0;
    dense[i] = x;
    const { slope, offset } = model.denseEffects[i];
    score += offset + slope * (x < logs.length ? logs[Math.max(0, x)] : Math.log(1 + x));
  }
  return score;
}
