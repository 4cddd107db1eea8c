import type { RouteName, Segment } from "@fae/core";
import { type StrategyName, strategy } from "@fae/scheduler";
import { stopIfAborted } from "@fae/trainer";
import type { TimedSet } from "../data/timed-set.js";
import type { Check } from "../result.js";
import type { Bench } from "../scenario.js";
import { gapCheck, largestGap } from "./gap.js";
import { jobOf } from "./job.js";
import { engineFor, isExact } from "./strategies.js";

export interface SameLosses {
  readonly checks: readonly Check[];
  /** Strategies that have trained on the data: what a process does once, it has done for them. */
  readonly ran: readonly StrategyName[];
}

interface Losses {
  readonly strategy: StrategyName;
  readonly losses: readonly number[];
}

const tolerance = 1e-4;

/**
 * The law of exactness on the data that are about to be timed: the first batches in one order give the same losses with every
 * strategy; `fae`, whose order differs, gives those of the first other strategy fed its order.
 */
export async function sameLosses(
  bench: Bench,
  set: TimedSet,
  strategies: readonly StrategyName[],
  batches: number,
): Promise<SameLosses> {
  const inOrder = strategies.filter((name) => name !== "fae");
  const checks: Check[] = [];
  const train: Part[] = [{ source: "train", batches }];
  const found: Losses[] = [];
  for (const name of inOrder) found.push({ strategy: name, losses: await lossesOf(bench, set, name, train) });
  if (found.length > 1) checks.push(compareLosses(bench, set, found, "in one order"));
  if (strategies.includes("fae") && inOrder.length > 0) {
    const both: Part[] = ["cold", "hot", "cold"].map((source) => ({ source, batches: Math.ceil(batches / 2) }));
    const pair: Losses[] = [];
    for (const name of [inOrder[0], "fae"] as const)
      pair.push({ strategy: name, losses: await lossesOf(bench, set, name, both) });
    checks.push(compareLosses(bench, set, pair, "in the order of fae"));
  }
  return { checks, ran: inOrder.length > 0 ? strategies : [] };
}

interface Part {
  readonly source: string;
  readonly batches: number;
}

/** Losses of every batch of the parts, each part one segment; a source's batches go on where its last part ended. */
async function lossesOf(
  bench: Bench,
  { workload, data }: TimedSet,
  name: StrategyName,
  parts: readonly Part[],
): Promise<number[]> {
  const { program, optimizer, batch, learningRate } = workload;
  const splits = [...new Set(parts.map(({ source }) => source))] as ("train" | "hot" | "cold")[];
  const job = jobOf({ data, program, strategy: strategy(name), optimizer, batch, splits });
  const losses: number[] = [];
  const next = new Map<string, number>();
  await using session = await engineFor(bench, name).engine.open(job);
  for (const { source, batches } of parts) {
    stopIfAborted(bench.signal, "The measurement");
    const from = next.get(source) ?? 0;
    const rows = job.sources.find((found) => found.name === source)?.rows ?? 0;
    const count = Math.max(0, Math.min(batches, Math.ceil(rows / batch) - from));
    next.set(source, from + count);
    if (count === 0) continue;
    const segment: Segment = {
      kind: "segment",
      route: routeOf(name, source, job.plan.routes),
      source,
      epoch: 0,
      batches: Uint32Array.from({ length: count }, (_, i) => from + i),
    };
    const report = await session.run(segment, new Array<number>(count).fill(learningRate));
    losses.push(...report.losses);
  }
  return losses;
}

const routeOf = (name: StrategyName, source: string, routes: readonly RouteName[]): RouteName =>
  name === "fae" ? (source === "hot" ? "hot" : "hybrid") : routes[0];

function compareLosses(bench: Bench, { workload }: TimedSet, found: readonly Losses[], how: string): Check {
  const [first, ...others] = found.map(({ losses }) => losses);
  const names = found.map(({ strategy: name }) => name).join(", ");
  return gapCheck(
    `${workload.name}: equal losses ${how} of ${names}`,
    largestGap(first, ...others),
    isExact(bench) ? 0 : tolerance,
    `${first.length} batches`,
  );
}
