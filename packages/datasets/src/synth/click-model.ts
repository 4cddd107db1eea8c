import { nameKey, permutation } from "@fae/core";
import { createDenseDraw, type DenseDraw } from "./dense-draw.js";
import { createDrift } from "./drift.js";
import { type CdfTable, cdfGivenAbove, createNormal, inverseOf, type Normal } from "./normal.js";
import { createRankTable, type RankLaw, type RankTable, shareOf } from "./rank-law.js";
import { scaledLaw } from "./scaled-law.js";
import type { ClickSource } from "./sources/types.js";
import { createLogs, type DenseEffect, denseEffect, hourEffects, rowEffects } from "./teacher.js";

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

/** All that is needed to draw any input. Holds no state: `Clicks` (`draw-clicks.ts`) does. */
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

/** Words 0 and 1 give the common uniform, 2 the label, the next ones what `FreeTable` and the like say. */
export const labelWord = 2;
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
