import { nameKey, permutation, unit } from "@fae/core";
import { createDenseDraw, type DenseDraw, denseAt } from "./dense-draw.js";
import { createDrift } from "./drift.js";
import { type CdfTable, cdfAt, cdfGivenAbove, createNormal, inverseOf, type Normal, normalAt } from "./normal.js";
import { createRankTable, type RankLaw, type RankTable, rankAt, shareOf } from "./rank-law.js";
import { scaledLaw } from "./scaled-law.js";
import type { ClickSource } from "./sources/types.js";
import { createLogs, type DenseEffect, denseEffect, hourEffects, rowEffects, type Teacher } from "./teacher.js";
import { fillWords, fineUnit, purposes } from "./words.js";

/** What shapes the inputs of a click log. */
export interface ClickShape {
  readonly seed: number;
  readonly calibration: "counts" | "paper";
  /** Tables above 1,000 rows get this fraction of them, at least 1,000. */
  readonly scale: number;
  /** Share of the ranks above the head that get another row each day. */
  readonly drift: number;
  readonly days: number;
}

export interface ClickTable {
  readonly name: string;
  readonly rows: number;
  readonly law: RankTable;
  /** Rank of the row that a blank cell stands for; -1: never blank. */
  readonly blankRank: number;
  /** Row id of a rank: a seeded bijection. */
  readonly rowOf: (rank: number) => number;
  /** Teacher's effects of the rows at the first ranks. */
  readonly effects: Float64Array;
}

/** A table outside the chain: its own normal, blended with the common one. */
interface FreeTable {
  readonly table: number;
  readonly word: number;
  /** Blank event that it shares with others; -1: none. */
  readonly event: number;
  /** What makes its normal uniform, given that the event did not happen. */
  readonly cdf: CdfTable;
}

/** A blank event outside the chain: happens when a normal of its own, blended with the common one, is below the limit. */
interface BlankEvent {
  readonly word: number;
  readonly limit: number;
}

/** All that is needed to draw any input. Holds no state: `Click` does. */
export interface ClickModel {
  readonly source: ClickSource;
  readonly shape: ClickShape;
  readonly normal: Normal;
  readonly tables: readonly ClickTable[];
  readonly chain: readonly number[];
  /** The chain's common uniform means blank in [from, from + share). */
  readonly chainBlank: { readonly from: number; readonly share: number };
  readonly free: readonly FreeTable[];
  readonly events: readonly BlankEvent[];
  readonly dense: readonly DenseDraw[];
  readonly denseWord: number;
  /** Per dense column: which half word decides whether it is missing, and below which value. */
  readonly missingHalf: Int32Array;
  readonly missingBelow: Int32Array;
  readonly missingWord: number;
  readonly words: number;
  readonly denseEffects: readonly DenseEffect[];
  readonly logs: Float64Array;
  readonly hourEffects: Float64Array;
  readonly drifts: readonly ((rank: number, day: number) => number)[] | null;
}

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

/** Words 0 and 1 give the common uniform, 2 the label. */
const labelWord = 2;
const smallestScaled = 1000;

/** Builds the laws, bijections and hidden effects of a source. Takes about 0.1 s and a few MB, whatever the tables' rows. */
export function createClickModel(source: ClickSource, shape: ClickShape): ClickModel {
  const normal = createNormal();
  const laws = lawsOf(source, shape);
  const chain = source.calibration.chain.map((column) => column - 1);
  const inChain = new Set(chain);
  const groups = source.blanks.filter((group) => group.columns.length > 1 && !inChain.has(group.columns[0] - 1));
  const chainGroup = source.blanks.find((group) => inChain.has(group.columns[0] - 1));
  const tables = laws.map((law, t): ClickTable => {
    const { name } = source.calibration.tables[t];
    const group = source.blanks.find(({ columns }) => columns.includes(t + 1));
    const blankRank = group ? nearestRank(law, group.share) : -1;
    const drawn = group?.columns.length === 1;
    return {
      name,
      rows: law.rows,
      law: createRankTable(law, group ? { rank: blankRank, share: group.share, drawn } : null),
      blankRank,
      rowOf: rowsByRank(law.rows, shape.seed, name),
      effects: rowEffects(t, law.rows, normal, shape.seed),
    };
  });

  let words = labelWord + 1;
  const events = groups.map((group): BlankEvent => ({ word: words++, limit: inverseOf(normal.cdf, group.share) }));
  const cdfs = events.map((event) => cdfGivenAbove(normal, event.limit, source.correlation ** 2));
  const free: FreeTable[] = [];
  for (let t = 0; t < tables.length; t++) {
    if (inChain.has(t)) continue;
    const event = groups.findIndex((group) => group.columns.includes(t + 1));
    free.push({ table: t, word: words++, event, cdf: event < 0 ? normal.cdf : cdfs[event] });
  }
  const columns = source.dense === "hour" ? [] : source.dense;
  const denseWord = words;
  words += columns.length;
  const missingWord = words;
  const half = missingHalves(columns.length, source.missingTogether);
  words += Math.ceil((Math.max(-1, ...half) + 1) / 2);
  const finest = chain.length > 0 ? tables[chain[0]] : null;
  return {
    source,
    shape,
    normal,
    tables,
    chain,
    chainBlank: {
      from: finest && finest.blankRank > 0 ? finest.law.head[finest.blankRank - 1] : 0,
      share: chainGroup?.share ?? 0,
    },
    free,
    events,
    dense: columns.map((column) => createDenseDraw(column, normal)),
    denseWord,
    missingHalf: half,
    missingBelow: Int32Array.from(columns, (column) => Math.round(column.missing * 65536)),
    missingWord,
    words: 4 * Math.ceil(words / 4),
    denseEffects: columns.map((column, i) => denseEffect(i, column, normal, shape.seed)),
    logs: createLogs(),
    hourEffects: hourEffects(normal, shape.seed),
    drifts:
      shape.drift > 0
        ? tables.map(({ name, rows }) => createDrift(name, rows, shape.seed, shape.drift, shape.days))
        : null,
  };
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

function lawsOf(source: ClickSource, shape: ClickShape): RankLaw[] {
  const { draws, tables } = source.calibration;
  const paper = shape.calibration === "paper" ? source.paper : null;
  return tables.map(({ name, rows, anchors }, t) => {
    const law = paper?.anchors[name]
      ? { rows: paper.rows[t], anchors: paper.anchors[name], draws: 0 }
      : { rows, anchors, draws };
    if (law.rows <= smallestScaled) return law;
    return scaledLaw(law, Math.max(smallestScaled, Math.round(law.rows * shape.scale)));
  });
}

/** Rank whose share comes nearest. */
function nearestRank(law: RankLaw, share: number): number {
  const at = shareOf(law);
  let best = 0;
  for (let rank = 1; rank < Math.min(law.rows, 1000); rank++) {
    if (Math.abs(at(rank) - share) < Math.abs(at(best) - share)) best = rank;
  }
  return best;
}

/** Row ids of ranks; those of the first 8,192 ranks are kept ready. */
function rowsByRank(rows: number, seed: number, name: string): (rank: number) => number {
  const scramble = permutation(rows, seed, nameKey(name));
  const ready = Uint32Array.from({ length: Math.min(rows, 8192) }, (_, rank) => scramble(rank));
  return (rank) => (rank < ready.length ? ready[rank] : scramble(rank));
}

/** Which half word decides about each column: one per group, one per column outside. */
function missingHalves(columns: number, together: readonly (readonly number[])[]): Int32Array {
  const half = new Int32Array(columns).fill(-1);
  let used = 0;
  for (let i = 0; i < columns; i++) {
    if (half[i] >= 0) continue;
    const group = together.find((members) => members.includes(i + 1)) ?? [i + 1];
    for (const column of group) half[column - 1] = used;
    used++;
  }
  return half;
}
