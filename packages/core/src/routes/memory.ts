import { idsPerStep } from "../batch.js";
import type { CompiledProgram } from "../compile.js";
import type { Job } from "../engine.js";
import { readOriginalIds } from "../files.js";
import { initialRow } from "../initial.js";
import type { Network } from "../network.js";
import { optimizers } from "../optimizers/index.js";
import { type Residency, residencyOf } from "../residency.js";
import { type Arena, type NumbersType, newArena } from "./arena.js";
import { newHotCopies } from "./hot-copies.js";
import { slotCount } from "./mixed.js";
import type { Faults, Runtime } from "./runtime.js";
import { newServerParameters } from "./server.js";

export interface RuntimeOptions {
  readonly numbers: NumbersType;
  readonly network: Network;
  readonly faults: Faults;
}

/** Allocates both arenas for a job and draws the initial rows. */
export async function newRuntime(
  { program }: CompiledProgram,
  job: Job,
  { numbers, network, faults }: RuntimeOptions,
): Promise<Runtime> {
  const { plan } = job;
  const definition = optimizers[job.optimizer.name];
  const residency = residencyOf(program, plan);
  const hostRows = program.tables.map(({ rows }, t) => rows - residency.hostFrom[t]);
  const hostStart = starts(hostRows);
  const deviceStart = starts(residency.hotRows);
  const hotTotal = sum(residency.hotRows);
  const occurrences = Math.max(
    0,
    ...job.sources.map(({ layout }) => job.batch * Math.max(1, layout.steps) * idsPerStep(layout)),
  );
  const slots = residency.regime === "split" ? slotCount(plan.lookAhead, occurrences, sum(hostRows)) : 0;
  const host = newArena(numbers, sum(hostRows), program.width, definition.rowSlots);
  const device = newArena(numbers, hotTotal + slots, program.width, definition.rowSlots);
  const hostBase = hostStart.map((start, t) => start - residency.hostFrom[t]);
  drawRows(job, residency, { host, hostBase, device, deviceBase: deviceStart });
  return {
    program,
    plan,
    residency,
    numbers,
    optimizer: { definition, spec: job.optimizer },
    network,
    host,
    device,
    hostBase,
    deviceBase: deviceStart,
    hotTotal,
    hotCopies: residency.regime === "doubled" ? newHotCopies(hotTotal) : null,
    servers:
      residency.regime === "server"
        ? newServerParameters(
            numbers,
            await Promise.all(program.params.map(async ({ name }) => [name, await network.read(name)] as const)),
            definition.denseSlots,
          )
        : null,
    faults,
    updates: 0,
  };
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

const starts = (counts: readonly number[]): number[] => counts.map((_, t) => sum(counts.slice(0, t)));

/** Each row starts on the side that owns it: on the host, or on the device when the host does not hold it. */
function drawRows(
  job: Job,
  residency: Residency,
  { host, hostBase, device, deviceBase }: Pick<Runtime, "host" | "hostBase" | "device" | "deviceBase">,
): void {
  job.program.tables.forEach((table, t) => {
    const path = job.tables?.[table.name]?.originalIdsPath;
    const originals = path === undefined ? null : readOriginalIds(path, table.name, table.rows);
    const draw = initialRow(table, job.seed);
    const put = (arena: Arena, row: number, id: number) =>
      draw(arena.values.subarray(row * arena.width, (row + 1) * arena.width), originals ? originals[id] : id);
    for (let id = 0; id < table.rows; id++)
      if (id >= residency.hostFrom[t]) put(host, hostBase[t] + id, id);
      else put(device, deviceBase[t] + id, id);
  });
}
