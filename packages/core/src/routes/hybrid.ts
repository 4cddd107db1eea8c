import type { Batch } from "../rows.js";
import { markDirty, switchToHost } from "./hot-copies.js";
import { transfer } from "./meter.js";
import {
  arenaRows,
  type EvaluateCall,
  forward,
  gather,
  type Route,
  step,
  type TrainCall,
  tableOfId,
  updateNetwork,
  updateTables,
} from "./runtime.js";

/**
 * Tables on the host, network on the device: pooled rows, labels and dense features go over, gradients of the pooled rows come
 * back, rows are updated on the host.
 */
export const hybridRoute: Route = {
  async train(call) {
    const { runtime, meter } = call;
    switchToHost(runtime, meter);
    const tables = tableOfId(call.layout);
    for (const [k, number] of call.batches.entries()) {
      const batch = call.read(number);
      const rows = arenaRows(batch.ids, tables, runtime.hostBase);
      const { input, labels } = upload(call, batch, rows);
      const gradients = await step(call, k, input, labels);
      updateTables(call, k, runtime.host, rows, transfer(meter, "rows", "toHost", gradients));
      markDirty(runtime, "dirtyOnHost", call.layout, batch.ids);
      await updateNetwork(call, k);
    }
  },

  async evaluate(call) {
    const { runtime } = call;
    switchToHost(runtime, call.meter);
    const tables = tableOfId(call.layout);
    for (let number = 0; number < call.batches; number++) {
      const batch = call.read(number);
      const { input } = upload(call, batch, arenaRows(batch.ids, tables, runtime.hostBase));
      call.sink(batch, await forward(call, input));
    }
  },
};

function upload(call: TrainCall | EvaluateCall, { inputs, dense, labels }: Batch, rows: Int32Array) {
  const { runtime, meter } = call;
  const pooled = gather(call, runtime.host, rows);
  return {
    labels: transfer(meter, "inputs", "toDevice", labels),
    input: {
      inputs,
      dense: transfer(meter, "inputs", "toDevice", dense),
      rows: transfer(meter, "rows", "toDevice", pooled),
    },
  };
}
