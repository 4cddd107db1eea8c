import type { Batch } from "../rows.js";
import { moveRow } from "./arena.js";
import { uploadBatch } from "./device.js";
import { distinctRows } from "./distinct.js";
import { timed } from "./meter.js";
import {
  arenaRows,
  type EvaluateCall,
  forward,
  gather,
  type Route,
  type TrainCall,
  tableOfId,
  trainOn,
} from "./runtime.js";

/** A cold row on the device: its slot, and the latest batch of the segment that uses it. */
interface Resident {
  readonly slot: number;
  lastUse: number;
}

const unused = -1;

/** A batch whose cold rows are on the device. */
interface Flight {
  readonly batch: Batch;
  /** Device rows in place of ids. */
  readonly deviceRows: Int32Array;
  /** Distinct cold host rows. */
  readonly cold: Int32Array;
}

/**
 * Any batch, in any order: hot rows are on the device, distinct cold rows are fetched from the host `lookAhead` batches ahead,
 * updated on the device and written back. A cold row that a batch in flight uses too is not fetched again: it stays in its slot
 * (*forwarded*) and the last batch that uses it writes it back. The pipeline drains at the end of the call.
 */
export const mixedRoute: Route = {
  async train(call) {
    const pipeline = newPipeline(call, true);
    for (const k of call.batches.keys()) {
      const { batch, deviceRows } = pipeline.take(k, call.batches.length, (i) => call.read(call.batches[i]));
      const { inputs, dense, ids, labels } = uploadBatch(call.meter, { ...batch, ids: deviceRows });
      await trainOn(call, k, call.runtime.device, ids, { inputs, dense }, labels);
      pipeline.release(k);
    }
  },

  async evaluate(call) {
    const pipeline = newPipeline(call, false);
    for (let k = 0; k < call.batches; k++) {
      const { batch, deviceRows } = pipeline.take(k, call.batches, call.read);
      const { inputs, dense, ids } = uploadBatch(call.meter, { ...batch, ids: deviceRows });
      const rows = gather(call, call.runtime.device, ids);
      call.sink(batch, await forward(call, { inputs, dense, rows }));
      pipeline.release(k);
    }
  },
};

/** Device slots that `lookAhead + 1` batches of `occurrences` ids can need at most. */
export const slotCount = (lookAhead: number, occurrences: number, coldRows: number): number =>
  Math.min((lookAhead + 1) * occurrences, coldRows);

function newPipeline(call: TrainCall | EvaluateCall, isTraining: boolean) {
  const { runtime, layout, meter } = call;
  const { host, device, hostBase, deviceBase, hotTotal, residency, plan, faults } = runtime;
  const tables = tableOfId(layout);
  const kinds = { rows: "rows", state: isTraining && !faults.state ? "rowState" : null } as const;
  const residents = new Map<number, Resident>();
  const freeSlots = Array.from({ length: device.rows - hotTotal }, (_, slot) => device.rows - 1 - slot);
  const flights = new Map<number, Flight>();
  let fetched = 0;

  const takeSlot = (row: number): Resident => {
    const slot = freeSlots.pop();
    if (slot === undefined) throw new RangeError(`No slot is left for host row ${row}.`);
    const resident = { slot, lastUse: unused };
    residents.set(row, resident);
    return resident;
  };

  const fetch = (k: number, batch: Batch): Flight => {
    const isCold = (id: number, i: number) => id >= residency.hotRows[tables[i % tables.length]];
    const hostRows = arenaRows(
      batch.ids.map((id, i) => (isCold(id, i) ? id : -1)),
      tables,
      hostBase,
    );
    const cold = distinctRows(hostRows).rows;
    timed(meter, "gather", () => {
      for (const row of cold) {
        const resident = residents.get(row) ?? takeSlot(row);
        const isForwarded = resident.lastUse !== unused && !faults.forwarding;
        if (isForwarded) meter.forwardedRows++;
        else {
          meter.coldRows++;
          moveRow(meter, "toDevice", kinds, host, row, device, resident.slot);
        }
        resident.lastUse = k;
      }
    });
    const hotRows = arenaRows(batch.ids, tables, deviceBase);
    const deviceRows = hotRows.map((row, i) => (hostRows[i] < 0 ? row : (residents.get(hostRows[i])?.slot ?? -1)));
    return { batch, deviceRows, cold };
  };

  return {
    /** Fetches up to `lookAhead` batches beyond batch k and returns batch k. */
    take(k: number, batches: number, read: (k: number) => Batch): Flight {
      for (; fetched < batches && fetched <= k + plan.lookAhead; fetched++)
        flights.set(fetched, fetch(fetched, read(fetched)));
      const flight = flights.get(k);
      if (!flight) throw new RangeError(`Batch ${k} of ${batches} was not fetched.`);
      return flight;
    },
    /** Frees the slots of cold rows that no fetched batch uses after batch k; writes them back when training. */
    release(k: number): void {
      timed(meter, "update", () => {
        for (const row of flights.get(k)?.cold ?? []) {
          const resident = residents.get(row);
          if (resident?.lastUse !== k) continue;
          if (isTraining) moveRow(meter, "toHost", kinds, device, resident.slot, host, row);
          residents.delete(row);
          freeSlots.push(resident.slot);
        }
      });
      flights.delete(k);
    },
  };
}
