import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { PreparedData, Segment } from "@fae/core";
import { type StrategyName, strategy } from "@fae/scheduler";
import { headOf } from "../data/head.js";
import type { Workload } from "../data/workloads.js";
import { gapCheck, largestGap } from "../measure/gap.js";
import { jobOf } from "../measure/job.js";
import { interleave, spreadOf } from "../measure/spread.js";
import { isSimulated } from "../measure/strategies.js";
import { train } from "../measure/train.js";
import type { Check, Spread } from "../result.js";
import type { Bench, Size } from "../scenario.js";
import { writeWeights } from "./initial-weights.js";
import { type Checkouts, type PeerRequest, type PeerRun, runPeer } from "./peer.js";
import type { Python } from "./python.js";

/** Steps whose losses are compared, and steps that are timed after so many of warm-up. */
const steps: Readonly<Record<Size, { readonly compared: number; readonly timed: number; readonly warmUp: number }>> = {
  tiny: { compared: 4, timed: 2, warmUp: 1 },
  quick: { compared: 20, timed: 10, warmUp: 3 },
  full: { compared: 200, timed: 40, warmUp: 10 },
};
const tolerance = 1e-4;
/**
 * Of the compared steps, with plain SGD: that of FAE's released run scripts. At the 0.1 of the timed steps float32 training of
 * DLRM is chaotic: PyTorch in float32 is then 5e-4 from PyTorch in float64 after 50 steps.
 */
export const comparedRate = 0.01;

/** One system on one workload. */
export interface PeerTimes {
  readonly name: string;
  readonly threads: number;
  /** Milliseconds a step: the median of each run's steps, over the runs. */
  readonly milliseconds: Spread;
  /** Largest difference of a loss to ours over the compared steps; null for ourselves. */
  readonly lossDifference: number | null;
  readonly gemmGflops: number | null;
}

export interface PeerComparison {
  readonly workload: Workload;
  readonly systems: readonly PeerTimes[];
  readonly checks: readonly Check[];
  readonly repeats: readonly Record<string, unknown>[];
  readonly comparedSteps: number;
}

interface Peer {
  readonly name: string;
  readonly checkouts: Checkouts;
}

/**
 * Our engine and PyTorch on one workload: first the same initial weights and batches, losses compared step by step with plain
 * SGD; then, if they agree, times in turn with the workload's own optimizer, every peer at its best number of threads.
 */
export async function comparePeers(bench: Bench, python: Python, workload: Workload): Promise<PeerComparison> {
  const { compared, timed, warmUp } = steps[bench.size];
  const data = await headOf(bench, workload.data, {
    train: Math.max(compared, timed + warmUp) * workload.batch,
    val: 64,
    test: 64,
  });
  const { dlrm, tbsm } = bench.peers;
  const repository = workload.program.steps > 0 ? "tbsm" : "dlrm";
  const peers: Peer[] = [{ name: "PyTorch, own module", checkouts: {} }];
  if (bench.peers[repository] !== undefined)
    peers.push({ name: `facebookresearch/${repository}`, checkouts: { dlrm, tbsm } });
  const device = !isSimulated(bench) && python.hasGpu && repository === "dlrm" ? "hybrid" : "cpu";
  const request: Omit<PeerRequest, "checkouts"> = {
    data,
    program: workload.program,
    optimizer: "sgd",
    learningRate: comparedRate,
    batch: workload.batch,
    steps: compared,
    warmUp: 0,
    threads: availableParallelism(),
    device,
  };
  const differences = await lossDifferences(bench, python, workload, peers, request);
  const checks = peers.map(({ name }, i) =>
    gapCheck(
      `${workload.name}: losses of ${name} are ours, same weights and batches, SGD at ${comparedRate}`,
      differences[i],
      tolerance,
      `${compared} steps`,
    ),
  );
  if (checks.some(({ passed }) => !passed))
    return { workload, systems: [], checks, repeats: [], comparedSteps: compared };
  const own = {
    ...request,
    optimizer: workload.optimizer === "adagrad" ? ("adagrad" as const) : ("sgd" as const),
    learningRate: workload.learningRate,
    steps: timed + warmUp,
    warmUp,
  };
  const { systems, repeats } = await timeAll(bench, python, workload, peers, own, differences);
  return { workload, systems, checks, repeats, comparedSteps: compared };
}

const ourStrategy = (bench: Bench): StrategyName => (isSimulated(bench) ? "cpu-only" : "dlrm-hybrid");

async function lossDifferences(
  bench: Bench,
  python: Python,
  workload: Workload,
  peers: readonly Peer[],
  request: Omit<PeerRequest, "checkouts">,
): Promise<(number | null)[]> {
  const init = join(bench.cacheDirectory, `peer-init-${process.pid}.safetensors`);
  try {
    bench.log(`${workload.name}: ${request.steps} steps from the same weights`);
    const ours = await ourLosses(bench, request.data, workload, request.steps, init);
    const differences: (number | null)[] = [];
    for (const { checkouts } of peers) {
      const { losses } = await runPeer(python, { ...request, init, checkouts }, bench.signal);
      differences.push(largestGap(ours, losses));
    }
    return differences;
  } finally {
    await rm(init, { force: true });
  }
}

/** Writes our initial weights to a file, then trains from them in file order. */
async function ourLosses(
  bench: Bench,
  data: PreparedData,
  { program, batch }: Workload,
  count: number,
  init: string,
): Promise<number[]> {
  const job = jobOf({
    data,
    program,
    strategy: strategy(ourStrategy(bench)),
    optimizer: "sgd",
    batch,
    splits: ["train"],
  });
  await using session = await bench.engine.open(job);
  await writeWeights(init, session, job);
  const segment: Segment = {
    kind: "segment",
    route: job.plan.routes[0],
    source: "train",
    epoch: 0,
    batches: Uint32Array.from({ length: count }, (_, i) => i),
  };
  const { losses } = await session.run(segment, new Array<number>(count).fill(comparedRate));
  return [...losses];
}

async function timeAll(
  bench: Bench,
  python: Python,
  workload: Workload,
  peers: readonly Peer[],
  request: Omit<PeerRequest, "checkouts">,
  differences: readonly (number | null)[],
): Promise<Pick<PeerComparison, "systems" | "repeats">> {
  const threads = new Map<string, number>();
  for (const { name, checkouts } of peers)
    threads.set(name, await bestThreads(bench, python, name, { ...request, checkouts }));
  const ours = `FAE, ${bench.engineName} engine`;
  const repeats: Record<string, unknown>[] = [];
  const names = [ours, ...peers.map(({ name }) => name)];
  const gemm = new Map<string, number>();
  const times = await interleave(names, bench, [], async (name, repeat) => {
    bench.log(`${workload.name} ${name} ${repeat + 1}/${bench.repeats}`);
    const peer = peers.find((one) => one.name === name);
    const run = peer
      ? await runPeer(python, { ...request, threads: threads.get(name) ?? 1, checkouts: peer.checkouts }, bench.signal)
      : null;
    const seconds = run ? run.seconds : await ourSeconds(bench, workload, request);
    if (run) gemm.set(name, run.gemm_gflops);
    const raw = { variant: name, workload: workload.name, repeat, seconds, ...peerFacts(run) };
    bench.record(raw);
    repeats.push(raw);
    return 1e3 * spreadOf(seconds).median;
  });
  const systems = names.map((name, i) => ({
    name,
    threads: threads.get(name) ?? bench.engine.machine().threads,
    milliseconds: spreadOf(times.get(name) ?? []),
    lossDifference: i === 0 ? null : differences[i - 1],
    gemmGflops: gemm.get(name) ?? null,
  }));
  return { systems, repeats };
}

const peerFacts = (run: PeerRun | null) =>
  run ? { torch: run.torch, threads: run.threads, device: run.device, gemmGflops: run.gemm_gflops } : {};

/** Seconds a step of each segment behind the warm-up: a segment is as long as that. */
async function ourSeconds(
  bench: Bench,
  workload: Workload,
  { data, steps: count, warmUp }: Pick<PeerRequest, "data" | "steps" | "warmUp">,
): Promise<number[]> {
  const call = { workload, data, strategy: ourStrategy(bench) };
  const { segments } = await train(bench, call, { shuffle: "none", maxBatches: count, segmentBatches: warmUp });
  return segments.slice(1).map(({ seconds, batches }) => seconds / batches);
}

/** The number of threads, of the powers of two up to all cores, at which the peer is fastest. */
async function bestThreads(bench: Bench, python: Python, name: string, request: PeerRequest): Promise<number> {
  const cores = availableParallelism();
  const candidates = [1, 2, 4, 8, 16, 32, 64].filter((count) => count < cores);
  candidates.push(cores);
  if (bench.size === "tiny") return 1;
  let best = { threads: 1, seconds: Number.POSITIVE_INFINITY };
  for (const threads of candidates) {
    bench.log(`${name}: ${threads} threads`);
    const { seconds } = await runPeer(python, { ...request, threads }, bench.signal);
    const { median } = spreadOf(seconds);
    if (median < best.seconds) best = { threads, seconds: median };
  }
  return best.threads;
}
