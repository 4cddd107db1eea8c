import type { RowLayout } from "../batch.js";
import { moveRow } from "./arena.js";
import { type Meter, timed } from "./meter.js";
import { type HotCopies, type Runtime, tableOfId } from "./runtime.js";

/** At the start the device has nothing: every hot row is dirty on the host. */
export const newHotCopies = (hotTotal: number): HotCopies => ({
  dirtyOnHost: new Uint8Array(hotTotal).fill(1),
  dirtyOnDevice: new Uint8Array(hotTotal),
});

/** Marks the hot rows of a batch as updated on one side. */
export function markDirty(runtime: Runtime, side: keyof HotCopies, layout: RowLayout, ids: Int32Array): void {
  const { hotCopies, residency, deviceBase, faults } = runtime;
  if (!hotCopies || faults.dirty) return;
  const tables = tableOfId(layout);
  ids.forEach((id, i) => {
    const table = tables[i % tables.length];
    if (id >= 0 && id < residency.hotRows[table]) hotCopies[side][deviceBase[table] + id] = 1;
  });
}

/** Makes the device's copies current: rows dirty on the host go up with their optimizer state. Before hot batches. */
export const switchToDevice = (runtime: Runtime, meter: Meter): void => exchange(runtime, meter, "dirtyOnHost");

/** Makes the host's copies current. Before hybrid batches, and before rows are written. */
export const switchToHost = (runtime: Runtime, meter: Meter): void => exchange(runtime, meter, "dirtyOnDevice");

function exchange(runtime: Runtime, meter: Meter, dirty: keyof HotCopies): void {
  const { hotCopies, program, residency, host, device, hostBase, deviceBase, faults } = runtime;
  if (!hotCopies) return;
  const kinds = { rows: "switch", state: faults.state ? null : "switch" } as const;
  timed(meter, "switch", () => {
    program.tables.forEach((_, t) => {
      for (let id = 0; id < residency.hotRows[t]; id++) {
        const row = deviceBase[t] + id;
        if (hotCopies[dirty][row] === 0) continue;
        if (dirty === "dirtyOnHost") moveRow(meter, "toDevice", kinds, host, hostBase[t] + id, device, row);
        else moveRow(meter, "toHost", kinds, device, row, host, hostBase[t] + id);
        hotCopies[dirty][row] = 0;
        meter.switchedRows++;
      }
    });
  });
}
