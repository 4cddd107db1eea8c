import { availableParallelism } from "node:os";
import { opProgram, timedOpCases } from "@fae/core/conformance";
import { dlrm } from "@fae/models";
import { spreadOf } from "../measure/spread.js";
import { isSimulated } from "../measure/strategies.js";
import { cpuPeak } from "../micro/cpu-peak.js";
import { agreesWithReference, hostSegments, linearFlops, rowTraffic, uniformInputs } from "../micro/kernels.js";
import { type LoaderRun, type LoaderRuns, runLoaders } from "../micro/loaders.js";
import { measureRandomRows } from "../micro/random-rows.js";
import { figureOf, plainSeries, seriesOf } from "../report/series.js";
import type { Check, Figure, Spread, Table } from "../result.js";
import type { Bench, Findings, Scenario } from "../scenario.js";

const sizes = {
  tiny: { rows: 400, scale: 1e-4, tableRows: 500, batch: 16, batches: 2, memory: 2 ** 22, reads: 1e4 },
  quick: { rows: 60_000, scale: 0.02, tableRows: 200_000, batch: 1024, batches: 4, memory: 2 ** 28, reads: 2e6 },
  full: { rows: 20_000_000, scale: 1, tableRows: 1_300_000, batch: 1024, batches: 32, memory: 2 ** 31, reads: 1e7 },
} as const;

/** What the parts measured; each as spread over the repeats. */
interface Part {
  readonly tables: Table[];
  readonly figures: Figure[];
  readonly checks: Check[];
  readonly repeats: Record<string, unknown>[];
  readonly notes: string[];
}

export const micro: Scenario = {
  name: "micro",
  title: "Loaders and kernels",
  describes: "synth, prepare, profile, pack; look-up and update, matrix products against their roofs; every op",
  paper: "",
  async run(bench: Bench): Promise<Findings> {
    const parts = [await loaders(bench)];
    if (isSimulated(bench)) parts.push(await rows(bench), await products(bench), await opTimes(bench));
    else
      parts[0].notes.push(`Look-up and matrix products of engine ${bench.engineName} are not part of this scenario.`);
    return {
      seeds: [1],
      repeats: parts.flatMap((part) => part.repeats),
      checks: parts.flatMap((part) => part.checks),
      tables: parts.flatMap((part) => part.tables),
      figures: parts.flatMap((part) => part.figures),
      notes: parts.flatMap((part) => part.notes),
    };
  },
};

async function loaders(bench: Bench): Promise<Part> {
  const { rows: inputs, scale } = sizes[bench.size];
  const workers = availableParallelism();
  const rounds = Math.min(bench.repeats, 3);
  const done: LoaderRuns[] = [];
  for (let i = 0; i < rounds; i++) done.push(await runLoaders(bench, inputs, scale, workers));
  const runs = done.map((round) => round.runs);
  const names = runs[0].map(({ name }) => name);
  const spread = (i: number, of: (run: LoaderRun) => number): Spread => spreadOf(runs.map((round) => of(round[i])));
  const MB = 1e6;
  return {
    tables: [
      {
        title: "Loaders",
        columns: ["", "inputs/s", "MB/s", "MB/s a worker", "peak MiB"],
        rows: names.map((name, i) => [
          name,
          Math.round(spread(i, (run) => run.inputs / run.seconds).median),
          spread(i, (run) => run.bytes / run.seconds / MB).median,
          spread(i, (run) => run.bytes / run.seconds / MB / run.workers).median,
          Math.round(spread(i, (run) => run.peakBytes / 2 ** 20).median),
        ]),
        note: `${inputs.toLocaleString("en-US")} inputs in the shape of Criteo Kaggle, ${workers} workers, ${rounds} runs. Bytes are those read (prepare, profile) or written (synth, pack); prepare hashes its ids. Memory above that at the start of the work, workers included.`,
      },
    ],
    figures: [
      figureOf("bars", {
        title: "Loaders: MB per second",
        x: names,
        yTitle: "MB/s, all workers",
        series: [
          seriesOf(
            "MB/s",
            names.map((_, i) => spread(i, (run) => run.bytes / run.seconds / MB)),
          ),
        ],
      }),
    ],
    checks: done.flatMap(({ checks }) => checks),
    repeats: runs.flatMap((round, repeat) => round.map((run) => ({ variant: run.name, repeat, ...run }))),
    notes: ["Loaders use all cores; this scenario always generates its own log."],
  };
}

/** Look-up and row update of uniform ids against the bandwidth of random 64-byte rows. */
async function rows(bench: Bench): Promise<Part> {
  const { tableRows, batch, batches, memory, reads } = sizes[bench.size];
  bench.log("look-up and row update");
  const program = dlrm({
    name: "look-up and update",
    tableRows: new Array<number>(26).fill(tableRows),
    width: 16,
    denseFeatures: 1,
    bottomMlp: [16],
    topMlp: [1],
  });
  const check = await agreesWithReference(bench.engine, program);
  const source = uniformInputs(program, batch * batches, 1);
  const bytes = rowTraffic(program, source, batch);
  const before = await measureRandomRows(bench, memory, reads);
  const segments = await hostSegments(bench.engine, program, source, batch, bench.repeats);
  const after = await measureRandomRows(bench, memory, reads);
  const roof = Math.max(before.bytesPerSecond, after.bytesPerSecond);
  const rate = spreadOf(segments.map(({ seconds }) => bytes / (seconds.gather + seconds.update)));
  return {
    tables: [
      {
        title: "Rows at random",
        columns: ["", "GB/s, median", "min", "max"],
        rows: [
          [
            "memory: random 64-byte rows, read",
            roof / 1e9,
            Math.min(before.bytesPerSecond, after.bytesPerSecond) / 1e9,
            roof / 1e9,
          ],
          [`${bench.engineName}: look-up + row update`, rate.median / 1e9, rate.min / 1e9, rate.max / 1e9],
          ["share", `${((100 * rate.median) / roof).toFixed(0)} %`, null, null],
        ],
        note: `26 tables of ${tableRows.toLocaleString("en-US")} rows of 64 bytes, uniform ids, batches of ${batch}. Bytes: each looked-up row once, each distinct row read and written. The roof is measured before and after with ${before.threads} threads on ${memory / 2 ** 20} MiB (${before.measuredIn}).`,
      },
    ],
    figures: [],
    checks: [check],
    repeats: segments.map(({ seconds, totalSeconds }, repeat) => ({
      variant: "rows",
      repeat,
      seconds,
      totalSeconds,
      bytes,
      roof,
    })),
    notes: [],
  };
}

/** Linear layers of RMC2's networks against the arithmetic that the cores could do. */
async function products(bench: Bench): Promise<Part> {
  const { batch, batches } = sizes[bench.size];
  bench.log("matrix products");
  const isTiny = bench.size === "tiny";
  const program = dlrm({
    name: "matrix products",
    tableRows: new Array<number>(26).fill(10),
    width: 16,
    denseFeatures: 13,
    bottomMlp: isTiny ? [16] : [512, 256, 64, 16],
    topMlp: isTiny ? [1] : [512, 256, 1],
  });
  const check = await agreesWithReference(bench.engine, program);
  const source = uniformInputs(program, batch * batches, 2);
  const segments = await hostSegments(bench.engine, program, source, batch, bench.repeats);
  const flops = linearFlops(program) * source.rows;
  const rate = spreadOf(segments.map(({ seconds }) => flops / (seconds.forward + seconds.backward) / 1e9));
  const peak = cpuPeak();
  const share = peak ? (100 * rate.median) / peak.gflops : null;
  return {
    tables: [
      {
        title: "Matrix products",
        columns: ["", "GFLOP/s, median", "min", "max"],
        rows: [
          [`${bench.engineName}: RMC2's layers, forward and backward`, rate.median, rate.min, rate.max],
          ["processor, at most", peak?.gflops ?? null, null, null],
          ["share", share === null ? null : `${share.toFixed(0)} %`, null, null],
        ],
        note: peak
          ? `At most: ${peak.cores} cores x ${Math.round(peak.megahertz)} MHz x ${peak.flopsPerCycle} operations a cycle, as the system reports them; a virtual machine may report two hardware threads of one core as two cores. Time is that of the whole network, the interaction included; operations are those of the linear layers.`
          : "This system does not tell what the processor could do at most.",
      },
    ],
    figures:
      share === null
        ? []
        : [
            figureOf("bars", {
              title: "Matrix products: share of the peak",
              x: ["RMC2's layers"],
              yTitle: "%",
              series: [plainSeries("% of peak", [share])],
            }),
          ],
    checks: [check],
    repeats: segments.map(({ seconds, totalSeconds }, repeat) => ({
      variant: "products",
      repeat,
      seconds,
      totalSeconds,
      flops,
    })),
    notes: [],
  };
}

/** Every op in the size that models use, by the case in its own file. */
async function opTimes(bench: Bench): Promise<Part> {
  const { batches } = sizes[bench.size];
  const tables: Table["rows"][number][] = [];
  const repeats: Record<string, unknown>[] = [];
  for (const timed of timedOpCases) {
    bench.log(`op ${timed.node.op}`);
    const batch = bench.size === "tiny" ? 16 : timed.batch;
    const { program } = opProgram(timed);
    const source = uniformInputs(program, batch * batches, 3);
    const segments = await hostSegments(bench.engine, program, source, batch, bench.repeats);
    const stepOf = ({ seconds }: (typeof segments)[number]) => (1e3 * (seconds.forward + seconds.backward)) / batches;
    const { median, min, max } = spreadOf(segments.map(stepOf));
    tables.push([timed.name, median, min, max]);
    segments.forEach(({ seconds, totalSeconds }, repeat) => {
      repeats.push({ variant: `op ${timed.node.op}`, repeat, batch, seconds, totalSeconds });
    });
  }
  return {
    tables: [
      {
        title: "Ops",
        columns: ["", "ms, median", "min", "max"],
        rows: tables,
        note: `${bench.engineName}: forward and backward of one batch, in a program that holds the op and the small linear layers around it.`,
      },
    ],
    figures: [],
    checks: [],
    repeats,
    notes: [],
  };
}
