import { FaeError } from "@fae/core";
import type { Pool } from "../prepare/pool.js";
import type { UnitBytes } from "./click-units.js";
import type { SynthJob } from "./job.js";
import type { SynthProgress } from "./options.js";
import { type Outputs, type Unit, unitsOf } from "./outputs.js";

export interface UnitRun {
  readonly pool: Pool;
  readonly job: SynthJob;
  readonly outputs: Outputs;
  readonly unitRows: number;
  /** For progress: what is counted, and how many there will be. */
  readonly stage: SynthProgress["stage"];
  readonly inputsTotal: number;
  readonly onProgress: (progress: SynthProgress) => void;
  readonly signal: AbortSignal | null;
}

/**
 * Makes all units on the pool's threads, at most two a thread ahead, and hands them to `take` in order.
 *
 * @throws FaeError `ERR_INTERRUPTED` when the signal fires between two units.
 */
export async function runUnits(run: UnitRun, take: (unit: Unit, made: UnitBytes) => void): Promise<void> {
  const { pool, job, stage, inputsTotal, signal } = run;
  const started = performance.now();
  const units = unitsOf(run.outputs, run.unitRows);
  const ahead: { unit: Unit; made: Promise<UnitBytes> }[] = [];
  const ask = () => {
    const { value: unit } = units.next();
    if (!unit) return;
    const made = pool.run("synth", { job, unit });
    // A failure is met when its turn comes; until then nobody awaits it.
    made.catch(() => {});
    ahead.push({ unit, made });
  };
  let inputsDone = 0;
  let bytes = 0;
  for (let i = 0; i < 2 * Math.max(1, pool.threads); i++) ask();
  for (let next = ahead.shift(); next; next = ahead.shift()) {
    const made = await next.made;
    if (signal?.aborted) throw interrupted();
    ask();
    take(next.unit, made);
    inputsDone += made.inputs;
    bytes += made.bytes.length;
    const inputsPerSecond = inputsDone / Math.max(1e-3, (performance.now() - started) / 1000);
    const secondsLeft = (inputsTotal - inputsDone) / inputsPerSecond;
    run.onProgress({ stage, inputsDone, inputsTotal, inputsPerSecond, secondsLeft, bytes, workers: pool.threads });
  }
}

export const interrupted = (): FaeError =>
  new FaeError("ERR_INTERRUPTED", "The synthesis was interrupted; nothing is left of it.");
