import { type Bytes, type Stage, stages, type Traffic, zeroBytes } from "../engine.js";

/** Counts what one segment or evaluation does. Bytes are counted where the copy is made, 4 per value in every precision. */
export interface Meter {
  readonly bytes: Bytes;
  readonly seconds: Record<Stage, number>;
  coldRows: number;
  forwardedRows: number;
  switchedRows: number;
}

export type Direction = "toDevice" | "toHost";

export const newMeter = (): Meter => ({
  bytes: zeroBytes(),
  seconds: Object.fromEntries(stages.map((stage) => [stage, 0])) as Record<Stage, number>,
  coldRows: 0,
  forwardedRows: 0,
  switchedRows: 0,
});

/** Counts values that cross between host and device. */
export const countValues = (meter: Meter, kind: Traffic, direction: Direction, values: number): void => {
  meter.bytes[kind][direction] += 4 * values;
};

/** Copies a whole array to the other side. */
export function transfer<A extends { length: number; slice(): A }>(
  meter: Meter,
  kind: Traffic,
  direction: Direction,
  values: A,
): A {
  countValues(meter, kind, direction, values.length);
  return timed(meter, "copy", () => values.slice());
}

/** Runs a synchronous piece of work and adds its seconds to a stage. */
export function timed<R>(meter: Meter, stage: Stage, work: () => R): R {
  const start = performance.now();
  try {
    return work();
  } finally {
    meter.seconds[stage] += (performance.now() - start) / 1000;
  }
}

/** The same for asynchronous work. */
export async function timedAsync<R>(meter: Meter, stage: Stage, work: () => Promise<R>): Promise<R> {
  const start = performance.now();
  try {
    return await work();
  } finally {
    meter.seconds[stage] += (performance.now() - start) / 1000;
  }
}
