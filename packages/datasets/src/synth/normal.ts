/**
 * The normal distribution from tables: its distribution function, its inverse, and the distribution of one of two
 * correlated normals given that the other is above a limit. Tables are built once from exp and sqrt alone.
 */

/** A distribution function on an even grid over [-reach, reach], linear in between. Values in [0, 1], never falling. */
export type CdfTable = Float64Array;

const reach = 8.5;
const perUnit = 256;
const cells = 2 * reach * perUnit;

const density = (x: number): number => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

/** Table of the integral of `f` from -reach (Simpson's rule per cell), scaled to end at 1. */
function integrate(f: (x: number) => number): CdfTable {
  const table = new Float64Array(cells + 1);
  for (let i = 0; i < cells; i++) {
    const x = -reach + i / perUnit;
    table[i + 1] = table[i] + f(x) + 4 * f(x + 0.5 / perUnit) + f(x + 1 / perUnit);
  }
  const total = table[cells];
  return table.map((value) => value / total);
}

/** Tables of the standard normal. Build once, share: 70 kB. */
export interface Normal {
  /** Phi: P(w <= x). */
  readonly cdf: CdfTable;
  /** x at i / 4096. */
  readonly quantiles: Float64Array;
}

const quantileCells = 4096;
const edgeCells = 16;

export function createNormal(): Normal {
  const cdf = integrate(density);
  const quantiles = new Float64Array(quantileCells + 1);
  for (let i = 0; i <= quantileCells; i++) {
    quantiles[i] = inverseOf(cdf, Math.min(Math.max(i / quantileCells, 1e-12), 1 - 1e-12));
  }
  return { cdf, quantiles };
}

/** Value of a distribution table at `x`. */
export function cdfAt(table: CdfTable, x: number): number {
  const position = (x + reach) * perUnit;
  if (position <= 0) return 0;
  if (position >= cells) return 1;
  const cell = position | 0;
  const left = table[cell];
  return left + (position - cell) * (table[cell + 1] - left);
}

/** x where the table reaches p, 0 < p < 1, by bisection: exact to the table, slow. */
export function inverseOf(table: CdfTable, p: number): number {
  let low = 0;
  let high = cells;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (table[middle] <= p) low = middle;
    else high = middle;
  }
  const rise = table[high] - table[low];
  return -reach + (low + (rise > 0 ? (p - table[low]) / rise : 0.5)) / perUnit;
}

/** x with Phi(x) = u, 0 < u < 1: linear within 4096 cells of equal probability, exact in the 16 outermost of each side. */
export function normalAt(normal: Normal, u: number): number {
  const position = u * quantileCells;
  const cell = position | 0;
  if (cell < edgeCells || cell >= quantileCells - edgeCells) return inverseOf(normal.cdf, u);
  const left = normal.quantiles[cell];
  return left + (position - cell) * (normal.quantiles[cell + 1] - left);
}

/**
 * Table of P(w <= x | g > limit) for standard normals w, g with correlation r: what `w` must go through to be uniform
 * among the draws for which `g` has not fallen below `limit`.
 */
export function cdfGivenAbove(normal: Normal, limit: number, r: number): CdfTable {
  const rest = Math.sqrt(1 - r * r);
  return integrate((x) => density(x) * (1 - cdfAt(normal.cdf, (limit - r * x) / rest)));
}
