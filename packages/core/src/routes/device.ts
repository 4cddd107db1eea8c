import type { Batch } from "../rows.js";
import { type Meter, transfer } from "./meter.js";
import { arenaRows, forward, gather, type Route, tableOfId, trainOn } from "./runtime.js";

/** A batch with its ids on the device. */
export const uploadBatch = (meter: Meter, { inputs, dense, ids, labels }: Omit<Batch, "number">) => ({
  inputs,
  dense: transfer(meter, "inputs", "toDevice", dense),
  ids: transfer(meter, "inputs", "toDevice", ids),
  labels: transfer(meter, "inputs", "toDevice", labels),
});

/** All tables on the device: only the inputs cross. */
export const deviceRoute: Route = {
  async train(call) {
    const { device, deviceBase } = call.runtime;
    const tables = tableOfId(call.layout);
    for (const [k, number] of call.batches.entries()) {
      const { inputs, dense, ids, labels } = uploadBatch(call.meter, call.read(number));
      await trainOn(call, k, device, arenaRows(ids, tables, deviceBase), { inputs, dense }, labels);
    }
  },

  async evaluate(call) {
    const { device, deviceBase } = call.runtime;
    const tables = tableOfId(call.layout);
    for (let number = 0; number < call.batches; number++) {
      const batch = call.read(number);
      const { inputs, dense, ids } = uploadBatch(call.meter, batch);
      const rows = gather(call, device, arenaRows(ids, tables, deviceBase));
      call.sink(batch, await forward(call, { inputs, dense, rows }));
    }
  },
};
