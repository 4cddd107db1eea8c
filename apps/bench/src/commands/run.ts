import { totalmem } from "node:os";
import { type Engine, EngineUnavailableError } from "@fae/core";
import { formatBytes, parseBytes } from "@fae/embedding-store";
import { engineStatuses, loadEngine, visible } from "@fae/trainer";
import { type Command, Option } from "commander";
import { usualCache } from "../data/cache.js";
import { workloadNames } from "../data/workloads.js";
import { commit } from "../measure/machine.js";
import { sharedWork } from "../measure/once.js";
import { type RunOutcome, type RunRequest, runScenarios } from "../run-scenarios.js";
import { findScenario, scenarios } from "../scenarios/index.js";
import { type BenchIo, notEmpty, wholeNumber, writableFolder } from "./options.js";

interface RunFlags {
  readonly data: string;
  readonly engine: string;
  readonly budget?: string;
  readonly repeats?: number;
  readonly out: string;
  readonly quick?: boolean;
  readonly python?: string;
  readonly referenceDlrm?: string;
  readonly referenceTbsm?: string;
  readonly cache?: string;
  readonly memory?: string;
  readonly maxSeconds?: number;
  readonly workload?: string[];
  readonly matmul?: "float32" | "tf32" | "bf16";
}

const examples = `
Examples:
  fae-bench run --quick --out results                  every scenario, small, in 3 minutes
  fae-bench run speed-up accuracy --engine cpu         two scenarios at full size
  fae-bench run speed-up --workload RMC2 --max-seconds 300   what fits into 5 minutes
  fae-bench run peers --reference-dlrm ~/dlrm          beside facebookresearch/dlrm
  fae-bench run budget-sweep --data kaggle             on a prepared data set of your own

Made data sets are kept (gigabytes at full size) in $XDG_CACHE_HOME/fae-bench or ~/.cache/fae-bench; --cache chooses another place.
`;

/** Adds `run` to the program. `done` receives the exit code. */
export function registerRun(
  program: Command,
  io: BenchIo,
  args: readonly string[],
  done: (code: number) => void,
): void {
  program
    .command("run")
    .description("Measure scenarios and write one result file each.")
    .argument("[scenario...]", "names, see 'fae-bench list'; none: all of them")
    .option("--data <source>", "'synthetic', or a prepared directory to measure on", "synthetic")
    .option("--engine <name>", "engine to measure; auto takes the fastest that is there", "auto")
    .option("--budget <bytes>", "device memory for hot rows, e.g. 256MiB (default: the paper's, per workload)")
    .option(
      "--repeats <n>",
      "recorded rounds; every variant runs once a round (default: 5; 10 on a GPU; 1 with --quick)",
      wholeNumber(1),
    )
    .addOption(
      new Option("--matmul <type>", "matrix arithmetic, on engines that have a choice").choices([
        "float32",
        "tf32",
        "bf16",
      ]),
    )
    .option(
      "--max-seconds <n>",
      "start no further round of a scenario after so long; its workloads share evenly what making the data leaves; one round is always recorded",
      wholeNumber(1),
    )
    .addOption(new Option("--workload <name...>", "only these of a scenario's workloads").choices(workloadNames))
    .option("--out <dir>", "folder of the result files", "bench-results")
    .option("--quick", "small sizes: all scenarios within 3 minutes on 2 cores without a GPU")
    .option("--python <path>", "Python with torch for the peers (default: the first on PATH)")
    .option("--reference-dlrm <dir>", "checkout of facebookresearch/dlrm to run beside our engine")
    .option("--reference-tbsm <dir>", "checkout of facebookresearch/tbsm; needs --reference-dlrm")
    .option("--memory <bytes>", "host memory to plan for; larger tables are scaled (default: all there is)")
    .option("--cache <dir>", "where made data sets are kept")
    .addHelpText("after", examples)
    .action(async (names: string[], flags: RunFlags) => {
      const chosen = names.length > 0 ? names.map(findScenario) : scenarios;
      const bench = await makeBench(flags, io);
      const out = await writableFolder("out", flags.out);
      await writableFolder("cache", bench.cacheDirectory);
      const outcomes = await runScenarios({
        scenarios: chosen,
        bench,
        maxSeconds: flags.maxSeconds ?? null,
        out,
        isNamed: names.length > 0,
        command: ["fae-bench", ...args].join(" "),
        commit: commit(io.environment),
        options: {
          size: bench.size,
          engine: bench.engineName,
          data: bench.data,
          matmul: bench.matmul,
          budgetBytes: bench.budgetBytes ?? null,
          repeats: bench.repeats,
          maxSeconds: flags.maxSeconds ?? null,
          workloads: bench.onlyWorkloads,
        },
      });
      io.stdout.write(`${outcomes.map(outcomeText).join("\n")}\n`);
      done(outcomes.every(isGood) ? 0 : 1);
    });
}

async function makeBench(flags: RunFlags, io: BenchIo): Promise<RunRequest["bench"]> {
  const budgetBytes = flags.budget === undefined ? undefined : parseBytes(flags.budget);
  const engineName = flags.engine === "auto" ? await firstEngine() : flags.engine;
  const engine: Engine = await loadEngine(engineName);
  const hasGpu = engine.machine().devices.length > 0;
  const log = (line: string) => void io.stderr.write(`${visible(line)}\n`);
  log(`engine ${engineName}: ${engine.machine().description}`);
  if (budgetBytes !== undefined) log(`budget ${formatBytes(budgetBytes)}`);
  return {
    size: flags.quick ? "quick" : "full",
    engine,
    engineName,
    hostEngine: hasGpu ? await engineOfHost(log) : null,
    data: notEmpty("data", flags.data),
    matmul: flags.matmul ?? null,
    budgetBytes,
    repeats: flags.repeats ?? (flags.quick ? 1 : hasGpu ? 10 : 5),
    onlyWorkloads: flags.workload ?? null,
    cacheDirectory: flags.cache ?? usualCache(io.environment),
    memoryBytes: flags.memory === undefined ? totalmem() : parseBytes(flags.memory),
    peers: { python: flags.python, dlrm: flags.referenceDlrm, tbsm: flags.referenceTbsm },
    once: sharedWork(),
    log,
    signal: io.signal,
  };
}

/** null, and a line that says so, where the native engine of the host cannot be loaded. */
async function engineOfHost(log: (line: string) => void): Promise<Engine | null> {
  try {
    const engine = await loadEngine("cpu");
    log(`beside it, for strategies without a device, engine cpu: ${engine.machine().description}`);
    return engine;
  } catch (error) {
    if (!(error instanceof EngineUnavailableError)) throw error;
    log(`Strategies without a device are left out. ${error.message}`);
    return null;
  }
}

async function firstEngine(): Promise<string> {
  const statuses = await engineStatuses();
  const first = statuses.find(({ available }) => available);
  if (first) return first.name;
  const reasons = statuses.map((status) => (status.available ? "" : `${status.name}: ${status.why}`)).join(" ");
  throw new EngineUnavailableError(`No engine is available. ${reasons}`, { fix: "'fae doctor' says what is missing." });
}

const isGood = ({ error, isLeftOut, failedChecks }: RunOutcome): boolean =>
  (error === null || isLeftOut) && failedChecks.length === 0;

function outcomeText({ scenario, path, seconds, failedChecks, error, isLeftOut }: RunOutcome): string {
  if (error) return `${scenario}: ${isLeftOut ? "left out" : "FAILED"}: ${error.message}`;
  const failed = failedChecks.map((check) => `\n  CHECK FAILED: ${check}`).join("");
  return `${scenario}: ${path} (${seconds.toFixed(1)} s)${failed}`;
}
