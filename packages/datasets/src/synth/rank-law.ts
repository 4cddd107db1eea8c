/**
 * The popularity of a table's rows by rank, and draws from it. A law is given by anchors (rank, share of all accesses); between
 * anchors the share is a power of the rank (a straight line in log-log). With `draws` = N, shares that mean fewer than 64
 * accesses in N are those of whole counts: floor(share N), at least 1, so that the numbers of rows with at least 1, 3, 10 ...
 * accesses are those of a real log. Ranks start at 1 in anchors and at 0 everywhere else.
 */
export interface RankLaw {
  readonly rows: number;
  /** rank, share, rank, share ...: first rank 1, last rank `rows`, shares falling. */
  readonly anchors: readonly number[];
  /** N; 0: no whole counts. */
  readonly draws: number;
}

const flooredBelow = 64;

/** Share of the row at each rank before the shares are scaled to sum to 1. */
export function shareOf(law: RankLaw): (rank: number) => number {
  const ranks = law.anchors.filter((_, i) => i % 2 === 0).map(Math.log);
  const shares = law.anchors.filter((_, i) => i % 2 === 1).map((share) => Math.log(wholeCount(share, law.draws)));
  return (rank) => {
    const x = Math.log(rank + 1);
    let i = 1;
    while (i < ranks.length - 1 && ranks[i] < x) i++;
    if (ranks.length === 1) return Math.exp(shares[0]);
    const line = shares[i - 1] + ((x - ranks[i - 1]) / (ranks[i] - ranks[i - 1])) * (shares[i] - shares[i - 1]);
    const share = Math.exp(line);
    const count = share * law.draws;
    return law.draws > 0 && count < flooredBelow ? Math.max(1, Math.floor(count * (1 + 1e-9))) / law.draws : share;
  };
}

/** Anchors are rounded to four digits: one that means 2.9997 accesses means 3. */
function wholeCount(share: number, draws: number): number {
  const count = share * draws;
  const whole = Math.round(count);
  return whole >= 1 && whole < flooredBelow && Math.abs(count - whole) < 0.002 * whole ? whole / draws : share;
}

/** Ranks [from, from + rows) of a tail: share proportional to (rank + 1)^-slope; slope 0 is a stair of equal shares. */
interface Piece {
  readonly from: number;
  readonly rows: number;
  readonly slope: number;
  /** Share at `from`. */
  readonly share: number;
}

/** A law ready to draw from: the exact cumulative shares of the head, then pieces with a closed-form inverse. */
export interface RankTable {
  readonly rows: number;
  /** Sum of the shares of all ranks but the blank one. */
  readonly mass: number;
  /** Cumulative share through each rank of the head. */
  readonly head: Float64Array;
  /** Lowest rank that a cell of equal parts of the head's mass can hold. */
  readonly guide: Uint16Array;
  readonly guideScale: number;
  /** Per piece: cumulative share at its end, share before, first rank, rows, slope. */
  readonly ends: Float64Array;
  readonly starts: Float64Array;
  readonly from: Float64Array;
  readonly counts: Float64Array;
  readonly slopes: Float64Array;
  /** Per piece: `from + 1/2` to the power 1 - slope, how much that rises over the piece, and 1 / (1 - slope). */
  readonly lefts: Float64Array;
  readonly rises: Float64Array;
  readonly roots: Float64Array;
  /** Share that each rank is drawn with; of the blank rank its fixed share. Slow. */
  readonly shareOf: (rank: number) => number;
}

/** A rank whose share is fixed; `drawn` false: it takes no part in draws (a shared event decides about it). */
export interface BlankRank {
  readonly rank: number;
  readonly share: number;
  readonly drawn: boolean;
}

const headRows = 20_000;

/** Builds the table of a law; with `blank` the other shares are scaled to sum to 1 - its share. */
export function createRankTable(law: RankLaw, blank: BlankRank | null = null): RankTable {
  const share = shareOf(law);
  const exact = Math.min(law.rows, headRows);
  const head = new Float64Array(exact);
  let sum = 0;
  for (let rank = 0; rank < exact; rank++) {
    head[rank] = share(rank);
    if (rank !== blank?.rank) sum += head[rank];
  }
  const pieces = tailPieces(law, share, exact);
  for (const piece of pieces) sum += massOf(piece);
  const scale = (1 - (blank?.share ?? 0)) / sum;
  let mass = 0;
  for (let rank = 0; rank < exact; rank++) {
    mass += rank === blank?.rank ? (blank.drawn ? blank.share : 0) : head[rank] * scale;
    head[rank] = mass;
  }
  // Fine enough that mostly the first rank looked at is the one, few enough that a near cache holds the guide.
  const cells = Math.min(8192, Math.max(16, 2 ** Math.ceil(Math.log2(exact))));
  const guideScale = cells / mass;
  const guide = new Uint16Array(cells + 1);
  for (let cell = 0, rank = 0; cell <= cells; cell++) {
    // A little lower than the cell begins: rounding m * guideScale up must not skip a rank.
    while (rank < exact - 1 && head[rank] <= (cell / guideScale) * (1 - 1e-14)) rank++;
    guide[cell] = rank;
  }
  const starts = new Float64Array(pieces.length);
  const ends = new Float64Array(pieces.length);
  for (const [i, piece] of pieces.entries()) {
    starts[i] = mass;
    mass += massOf(piece) * scale;
    ends[i] = mass;
  }
  const left = ({ from, slope }: Piece): number => (from + 0.5) ** (1 - slope);
  return {
    rows: law.rows,
    mass,
    head,
    guide,
    guideScale,
    ends,
    starts,
    from: Float64Array.from(pieces, (p) => p.from),
    counts: Float64Array.from(pieces, (p) => p.rows),
    slopes: Float64Array.from(pieces, (p) => p.slope),
    lefts: Float64Array.from(pieces, left),
    rises: Float64Array.from(pieces, (p) => left({ ...p, from: p.from + p.rows }) - left(p)),
    roots: Float64Array.from(pieces, (p) => 1 / (1 - p.slope)),
    shareOf: (rank) => (rank === blank?.rank ? blank.share : share(rank) * scale),
  };
}

/** Splits ranks [first, rows) into power pieces between anchors and, below 64 accesses, one stair per count. */
function tailPieces(law: RankLaw, share: (rank: number) => number, first: number): Piece[] {
  const pieces: Piece[] = [];
  const ends = law.anchors.filter((_, i) => i % 2 === 0);
  for (let from = first; from < law.rows; ) {
    const here = share(from);
    const isStair = here * law.draws < flooredBelow && law.draws > 0;
    const limit = isStair ? law.rows : (ends.find((end) => end > from) ?? law.rows);
    const belongs = (rank: number): boolean =>
      isStair ? share(rank) >= here : law.draws === 0 || share(rank) * law.draws >= flooredBelow;
    let low = from; // belongs
    let high = limit; // does not, or is the end
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (belongs(middle)) low = middle;
      else high = middle;
    }
    const slope = isStair || low === from ? 0 : -Math.log(share(low) / here) / Math.log((low + 1) / (from + 1));
    pieces.push({ from, rows: high - from, slope, share: here });
    from = high;
  }
  return pieces;
}

/** Integral of x^-slope from a to b. */
const powerMass = (a: number, b: number, slope: number): number =>
  Math.abs(slope - 1) < 1e-9 ? Math.log(b / a) : (b ** (1 - slope) - a ** (1 - slope)) / (1 - slope);

/** Rank r (from 0) is the interval [r + 1/2, r + 3/2) of x, share x^-slope up to a factor. */
const massOf = ({ from, rows, slope, share }: Piece): number =>
  slope === 0 ? share * rows : share * (from + 1) ** slope * powerMass(from + 0.5, from + rows + 0.5, slope);

/** Rank at cumulative share `m` in [0, table.mass). */
export function rankAt(table: RankTable, m: number): number {
  const { head } = table;
  if (m < head[head.length - 1]) {
    let rank = table.guide[(m * table.guideScale) | 0];
    while (head[rank] <= m) rank++;
    return rank;
  }
  const { ends } = table;
  if (ends.length === 0) return table.rows - 1;
  let piece = 0;
  let last = ends.length - 1;
  while (piece < last) {
    const middle = (piece + last) >>> 1;
    if (ends[middle] <= m) piece = middle + 1;
    else last = middle;
  }
  const rows = table.counts[piece];
  const part = (m - table.starts[piece]) / (ends[piece] - table.starts[piece]);
  const slope = table.slopes[piece];
  const inside = slope === 0 ? Math.floor(part * rows) : powerInside(table, piece, part);
  return table.from[piece] + (inside < 0 ? 0 : inside >= rows ? rows - 1 : inside);
}

function powerInside({ from, counts, slopes, lefts, rises, roots }: RankTable, piece: number, part: number): number {
  const a = from[piece] + 0.5;
  if (Math.abs(slopes[piece] - 1) < 1e-9) return Math.floor(a * ((a + counts[piece]) / a) ** part - a);
  return Math.floor((lefts[piece] + part * rises[piece]) ** roots[piece] - a);
}
