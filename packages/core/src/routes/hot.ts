import { DataError } from "../errors.js";
import type { Batch } from "../rows.js";
import { deviceRoute } from "./device.js";
import { markDirty, switchToDevice } from "./hot-copies.js";
import { type Route, type Runtime, tableOfId } from "./runtime.js";

/** Every row of the batch is hot: the same work as `device`, on the hot copies. Moves no rows. */
export const hotRoute: Route = {
  async train(call) {
    const { runtime, meter, layout } = call;
    switchToDevice(runtime, meter);
    const tables = tableOfId(layout);
    await deviceRoute.train({
      ...call,
      read(number) {
        const batch = call.read(number);
        checkHot(runtime, batch, tables);
        // Marked before the update: an update that fails half way leaves rows marked, never a changed row unmarked.
        markDirty(runtime, "dirtyOnDevice", layout, batch.ids);
        return batch;
      },
    });
  },

  evaluate: deviceRoute.evaluate,
};

function checkHot({ residency, program }: Runtime, { number, ids }: Batch, tables: Int32Array): void {
  ids.forEach((id, i) => {
    const table = tables[i % tables.length];
    if (id < residency.hotRows[table]) return;
    const { name } = program.tables[table];
    throw new DataError(
      `Batch ${number} is not hot: row ${id} of table '${name}' is not among its ${residency.hotRows[table]} hot rows.`,
      {
        fix: "Run it on route hybrid or mixed, or use the pack that the plan was made for.",
        details: { batch: number, table: name, found: id, hotRows: residency.hotRows[table] },
      },
    );
  });
}
