import { arenaRows, forward, gather, type Route, tableOfId, trainOn } from "./runtime.js";

/** Everything in host memory; no device, no bytes. */
export const hostRoute: Route = {
  async train(call) {
    const { host, hostBase } = call.runtime;
    const tables = tableOfId(call.layout);
    for (const [k, number] of call.batches.entries()) {
      const batch = call.read(number);
      await trainOn(call, k, host, arenaRows(batch.ids, tables, hostBase), batch, batch.labels);
    }
  },

  async evaluate(call) {
    const { host, hostBase } = call.runtime;
    const tables = tableOfId(call.layout);
    for (let number = 0; number < call.batches; number++) {
      const batch = call.read(number);
      const rows = gather(call, host, arenaRows(batch.ids, tables, hostBase));
      call.sink(batch, await forward(call, { ...batch, rows }));
    }
  },
};
