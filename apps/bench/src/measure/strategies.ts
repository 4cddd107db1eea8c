import { type Engine, FaeError } from "@fae/core";
import { type StrategyName, strategies, strategy } from "@fae/scheduler";
import { type TimedSet, timedBatches } from "../data/timed-set.js";
import type { Bench } from "../scenario.js";
import { jobOf } from "./job.js";

export const allStrategies = Object.keys(strategies) as StrategyName[];

type Engines = Pick<Bench, "engine" | "engineName" | "hostEngine">;

/** The engine that runs a strategy, and what it is called on a command line: training that uses no device is the host's own. */
export function engineFor(
  bench: Engines,
  name: StrategyName,
): { readonly engine: Engine; readonly engineName: string } {
  const { engine, engineName, hostEngine } = bench;
  return name === "cpu-only" && hostEngine
    ? { engine: hostEngine, engineName: hostEngine.name }
    : { engine, engineName };
}

/** Of the strategies asked for, those that can run on a data set; a note for each of the others, and for each on another engine. */
export function strategiesFor(
  bench: Engines & Pick<Bench, "size">,
  { workload, data }: Pick<TimedSet, "workload" | "data">,
  asked: readonly StrategyName[],
): { readonly taken: StrategyName[]; readonly notes: string[] } {
  const notes: string[] = [];
  const taken = asked.filter((name) => {
    const { engine, engineName } = engineFor(bench, name);
    const reasons = reasonsAgainst(engine, { workload, data }, name);
    if (reasons.length > 0) {
      notes.push(`${workload.name}, ${name}: not run on ${engineName}, ${reasons.join(" ")}`);
      return false;
    }
    if (engine !== bench.engine) {
      const batches = timedBatches({ size: bench.size, engine });
      notes.push(`${workload.name}, ${name}: on engine ${engineName} of the host, ${batches} batches a run.`);
    }
    return true;
  });
  return { taken, notes };
}

function reasonsAgainst(
  engine: Engine,
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
