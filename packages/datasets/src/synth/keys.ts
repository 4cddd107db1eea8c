import type { ClickModel } from "./click-model.js";

/** Raw keys of one table: what stands in a raw log for a row id. Injective; no row but the blank one has the hex key 0. */
export interface TableKeys {
  readonly kind: "hex" | "decimal";
  /** int32 key of a row, as readers of raw logs keep it. */
  readonly keyOf: (row: number) => number;
}

/** Keys of every table of a model. */
export function createKeys(model: ClickModel): TableKeys[] {
  return model.tables.map(({ name, rowOf, blankRank }, t) => {
    const style = model.source.keys(name);
    if (style.kind === "decimal") {
      const { first, topIsMinusOne } = style;
      const top = topIsMinusOne ? rowOf(0) : -1;
      return { kind: "decimal", keyOf: (row) => (row === top ? -1 : first + row) };
    }
    const blank = blankRank < 0 ? -1 : rowOf(blankRank);
    const factor = (0x9e3779b1 + 2 * Math.imul(t + 1, 0x632be5)) | 1;
    return { kind: "hex", keyOf: (row) => (row === blank ? 0 : mix(Math.imul(row + 1, factor))) };
  });
}

/** A bijection of the 32-bit integers with mix(0) = 0 (murmur3's finaliser). */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
