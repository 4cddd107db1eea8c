import { DataError } from "@fae/core";

/**
 * New id of each original id, in memory that threads share: `inverse[original[id]] = id`.
 * @throws DataError when an order is not a permutation of the rows of its table.
 */
export function inverseOrders(
  tables: readonly { readonly name: string; readonly rows: number }[],
  orders: readonly Uint32Array[],
): Int32Array[] {
  if (orders.length !== tables.length)
    throw new DataError(`There are ${orders.length} popularity orders for ${tables.length} tables.`, {
      fix: "Profile this data set and pack with what that gives.",
      details: { found: orders.length, expected: tables.length },
    });
  return tables.map(({ name, rows }, t) => {
    const order = orders[t];
    const inverse = new Int32Array(new SharedArrayBuffer(4 * rows)).fill(-1);
    for (let id = 0; id < order.length; id++) {
      const original = order[id];
      if (original >= rows || inverse[original] !== -1) throw notAnOrder(name, rows, order.length, id, original);
      inverse[original] = id;
    }
    if (order.length !== rows) throw notAnOrder(name, rows, order.length, order.length, null);
    return inverse;
  });
}

const notAnOrder = (table: string, rows: number, length: number, id: number, original: number | null) =>
  new DataError(
    original === null
      ? `The popularity order of table "${table}" has ${length} ids, the table has ${rows} rows.`
      : `The popularity order of table "${table}" (${rows} rows) is none: position ${id} holds ${original}${original < rows ? " a second time" : ""}.`,
    {
      fix: "Profile this data set and pack with what that gives.",
      details: { table, rows, found: length, position: id, original },
    },
  );
