import { noRow } from "@fae/core";
import { bagStarts, pool } from "./bags.js";
import type { Ids, Table } from "./table-types.js";

/**
 * A table some of whose rows are newer in another one. 8 bytes of memory per newer row.
 *
 * @param ids of the rows of `newer`, in its order, none twice
 */
export function overlaid(all: Table, ids: Int32Array, newer: Table): Table {
  const { name, rows, width } = all;
  const index = rowIndex(ids);
  const lookup = async (wanted: Ids): Promise<Float32Array> => {
    const out = await all.lookup(wanted);
    const at: number[] = [];
    const positions: number[] = [];
    for (let i = 0; i < wanted.length; i++) {
      const position = index.find(wanted[i]);
      if (position === -1) continue;
      at.push(i);
      positions.push(position);
    }
    return replaced(out, at, await newer.lookup(positions));
  };
  const replaced = (out: Float32Array, at: readonly number[], values: Float32Array): Float32Array => {
    at.forEach((to, i) => {
      out.set(values.subarray(i * width, (i + 1) * width), to * width);
    });
    return out;
  };
  const close = async (): Promise<void> => {
    await Promise.all([all.close(), newer.close()]);
  };
  return {
    name,
    rows,
    width,
    lookup,
    async range(from, to) {
      const out = await all.range(from, to);
      const found = index.between(from, to);
      const values = await newer.lookup(found.positions);
      return replaced(
        out,
        found.ids.map((id) => id - from),
        values,
      );
    },
    async lookupPooled(wanted, bags) {
      const starts = bagStarts(wanted.length, bags);
      const at: number[] = [];
      for (let i = 0; i < wanted.length; i++) if (wanted[i] !== noRow) at.push(i);
      const values = await lookup(at.map((i) => wanted[i]));
      return pool(replaced(new Float32Array(wanted.length * width), at, values), starts, width);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Positions of ids by binary search. */
function rowIndex(ids: Int32Array) {
  // Pairs (position, id) as little-endian 64-bit numbers: their order is that of the ids.
  const pairs = new Uint32Array(2 * ids.length);
  for (let i = 0; i < ids.length; i++) {
    pairs[2 * i] = i;
    pairs[2 * i + 1] = ids[i];
  }
  new BigUint64Array(pairs.buffer).sort();
  /** First place whose id is not below `id`. */
  const placeOf = (id: number): number => {
    let low = 0;
    let high = ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (pairs[2 * middle + 1] < id) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    find(id: number): number {
      const place = placeOf(id);
      return place < ids.length && pairs[2 * place + 1] === id ? pairs[2 * place] : -1;
    },
    between(from: number, to: number) {
      const found = { ids: [] as number[], positions: [] as number[] };
      for (let place = placeOf(from); place < ids.length && pairs[2 * place + 1] < to; place++) {
        found.ids.push(pairs[2 * place + 1]);
        found.positions.push(pairs[2 * place]);
      }
      return found;
    },
  };
}
