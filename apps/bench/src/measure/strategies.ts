import { FaeError } from "@fae/core";
import { type StrategyName, strategies, strategy } from "@fae/scheduler";
import type { TimedSet } from "../data/timed-set.js";
import type { Bench } from "../scenario.js";
import { jobOf } from "./job.js";

export const allStrategies = Object.keys(strategies) as StrategyName[];

/** Of the strategies asked for, those that the engine takes for a data set; a note for each of the others. */
export function strategiesFor(
  bench: Pick<Bench, "engine" | "engineName">,
  { workload, data }: Pick<TimedSet, "workload" | "data">,
  asked: readonly StrategyName[],
): { readonly taken: StrategyName[]; readonly notes: string[] } {
  const notes: string[] = [];
  const taken = asked.filter((name) => {
    const reasons = reasonsAgainst(bench, { workload, data }, name);
    if (reasons.length > 0)
      notes.push(`${workload.name}, ${name}: not run on ${bench.engineName}, ${reasons.join(" ")}`);
    return reasons.length === 0;
  });
  return { taken, notes };
}

function reasonsAgainst(
  { engine }: Pick<Bench, "engine">,
  { workload, data }: Pick<TimedSet, "workload" | "data">,
  name: StrategyName,
): string[] {
  try {
    const { program, optimizer, batch } = workload;
    return engine.refuses(jobOf({ data, program, strategy: strategy(name), optimizer, batch }));
  } catch (error) {
    if (error instanceof FaeError && error.code === "ERR_PLAN") return [error.message];
    throw error;
  }
}

/** Whether an engine's routes are equal bit for bit; others are held to float32 tolerance. */
export const isExact = ({ engine }: Pick<Bench, "engine">): boolean => ["reference", "cpu"].includes(engine.name);

/** Whether "device" memory is a second arena in host memory: true copies, but over no bus. */
export const isSimulated = ({ engine }: Pick<Bench, "engine">): boolean => engine.machine().devices.length === 0;

/** What a reader must know about the engine: a simulated device, an arithmetic that was asked for. */
export const engineNotes = (bench: Pick<Bench, "engine" | "engineName" | "matmul">): string[] => [
  ...(isSimulated(bench)
    ? [
        `Engine ${bench.engineName} has no GPU: its device memory is a separate arena in host memory, copies are made and counted but cross no bus, and the network runs on the same cores. Times compare the routes' work, not a GPU's; bytes are exact.`,
      ]
    : []),
  ...(bench.matmul === null ? [] : [`Matrix products of timed runs in ${bench.matmul}.`]),
];
