import { workloads } from "../data/workloads.js";
import { engineNotes } from "../measure/strategies.js";
import { comparedRate, comparePeers, type PeerComparison } from "../peers/compare-peers.js";
import { checkCheckouts } from "../peers/peer.js";
import { findPython } from "../peers/python.js";
import { figureOf, seriesOf } from "../report/series.js";
import type { Figure, Table } from "../result.js";
import { type Bench, type Findings, type Scenario, withShare } from "../scenario.js";

export const peers: Scenario = {
  name: "peers",
  title: "Against PyTorch",
  describes: "our engine and PyTorch's DLRM and TBSM: equal losses, times side by side",
  paper: "",
  async run(bench: Bench): Promise<Findings> {
    await checkCheckouts(bench.peers);
    const python = await findPython(bench.peers.python, process.env["PATH"] ?? "");
    const found: PeerComparison[] = [];
    const asked = await workloads(bench, ["RMC2", "RMC1"]);
    for (const [i, workload] of asked.entries())
      found.push(await comparePeers(withShare(bench, i, asked.length), python, workload));
    const timed = found.filter(({ systems }) => systems.length > 0);
    return {
      seeds: [1],
      repeats: found.flatMap(({ repeats }) => repeats),
      checks: found.flatMap(({ checks }) => checks),
      figures: timed.length === 0 ? [] : [timeFigure(timed)],
      tables: timed.length === 0 ? [] : [timeTable(timed)],
      notes: [
        ...asked.flatMap(({ notes }) => notes),
        `PyTorch ${python.torch} on Python ${python.version}, each peer at the number of threads at which it is fastest. PyTorch's batches are decoded before its clock starts, ours are read and decoded within the step.`,
        `Losses are compared from the same initial weights with plain SGD at ${comparedRate}; times are taken with the workload's own optimizer and rate.`,
        ...(bench.peers.dlrm === undefined
          ? [
              "facebookresearch/dlrm and tbsm were not given: --reference-dlrm and --reference-tbsm add their own classes to the comparison.",
            ]
          : []),
        ...engineNotes(bench),
      ],
    };
  },
};

function timeFigure(timed: readonly PeerComparison[]): Figure {
  const names = [...new Set(timed.flatMap(({ systems }) => systems.map(({ name }) => name)))];
  return figureOf("bars", {
    title: "Milliseconds of a training step",
    x: timed.map(({ workload }) => `${workload.name}, B=${workload.batch}`),
    yTitle: "ms per step",
    series: names.map((name) =>
      seriesOf(
        name,
        timed.map(({ systems }) => systems.find((one) => one.name === name)?.milliseconds ?? null),
      ),
    ),
  });
}

function timeTable(timed: readonly PeerComparison[]): Table {
  return {
    title: "Side by side",
    columns: [
      "",
      "threads",
      "ms a step",
      "min",
      "max",
      "inputs/s",
      "times ours",
      "largest loss difference",
      "GEMM GFLOP/s",
    ],
    rows: timed.flatMap(({ workload, systems }) =>
      systems.map(({ name, threads, milliseconds, lossDifference, gemmGflops }) => [
        `${workload.name} ${name}`,
        threads,
        milliseconds.median,
        milliseconds.min,
        milliseconds.max,
        Math.round((1e3 * workload.batch) / milliseconds.median),
        milliseconds.median / systems[0].milliseconds.median,
        lossDifference,
        gemmGflops,
      ]),
    ),
    note: "GEMM: one 1024 x 512 x 256 float32 product in PyTorch, at its threads; it tells a slow library from a slow model.",
  };
}
