import {
  type Bytes,
  checkArguments,
  checkOptions,
  FaeError,
  is,
  optimizers,
  type Plan,
  PlanError,
  type PreparedData,
  type Program,
  rowStateValues,
  type Shape,
  strideBytes,
} from "@fae/core";
import { openPrepared, readManifest } from "@fae/datasets";
import { dataShape, findModel, parameterCount } from "@fae/models";
import { strategy as findStrategy, type StrategyName, strategies } from "@fae/scheduler";
import { formatBytes } from "../cli/format.js";
import { stopIfAborted } from "../cli/interrupted.js";
import { machineFacts } from "../machine/facts.js";
import { runBytes } from "../train/disk-room.js";
import { chooseEngine } from "../train/engines.js";
import { checkBatch, rowBytes } from "../train/job.js";
import { type GivenOptions, settle, type TrainOptions } from "../train/options.js";
import { type CheckpointMemory, checkpointMemory } from "./checkpoint-memory.js";
import { type HotFigures, hotFigures } from "./hot-figures.js";
import { type Memory, type MemoryInput, predictMemory, probeJob } from "./memory.js";
import { predictStepBytes, type StepBytes } from "./step-bytes.js";

/** What one strategy will need; null where it cannot be told since the strategy cannot be planned or no engine runs it. */
export interface StrategyPlan {
  readonly strategy: StrategyName;
  readonly engine: string | null;
  readonly memory: Memory | null;
  /** What saving checkpoints takes beside `memory`; null without checkpoints too. */
  readonly checkpoint: CheckpointMemory | null;
  /** Bytes still to be written: a pack where the strategy needs one and the data are not, the model, and checkpoints at most. */
  readonly disk: { readonly pack: number; readonly model: number; readonly checkpoints: number };
  /** Share of inputs that run on the route `hot`; null for strategies without it. */
  readonly hotShare: number | null;
  readonly traffic: StepBytes | null;
  /** Why it cannot run, or not here; empty when it can. */
  readonly problems: readonly string[];
}

/** What training will need, before anything is spent on it. */
export interface RunPlan {
  readonly data: {
    readonly directory: string;
    readonly inputs: number;
    readonly bytes: number;
    readonly isPacked: boolean;
  };
  readonly model: {
    readonly name: string;
    readonly rows: number;
    readonly width: number;
    readonly parameters: number;
    readonly tableBytes: number;
  };
  readonly batch: number;
  readonly optimizer: TrainOptions["optimizer"];
  /** Null when no row can be hot: the strategies that need it say why. */
  readonly hot: {
    readonly from: HotFigures["from"];
    readonly rows: number;
    readonly bytes: number;
    readonly budgetBytes: number;
    readonly inputShare: number;
    readonly rowsPerTable: readonly number[];
  } | null;
  readonly machine: { readonly memoryBytes: number; readonly diskBytes: number };
  readonly strategies: readonly StrategyPlan[];
}

export interface PlanHooks {
  readonly signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

/**
 * Predicts memory, disk, bytes per step and hot share of strategies. Reads at most a sample of the inputs and trains one batch
 * over a few rows; writes nothing.
 * @param names default: all strategies
 * @throws ConfigError, DataError when data, model, batch size and a named profile do not go together. What stops one strategy only is among its `problems`.
 */
export async function planRun(
  given: GivenOptions,
  names: readonly StrategyName[] = Object.keys(strategies) as StrategyName[],
  hooks: PlanHooks = {},
): Promise<RunPlan> {
  checkArguments("planRun", {
    given: [given, is.having("an object of options")],
    names: [names, is.list(is.oneOf(Object.keys(strategies)))],
  });
  checkOptions("planRun", hooks, {
    signal: is.maybe(is.signal),
    onProgress: is.maybe(is.call),
  } satisfies Shape<PlanHooks>);
  const { signal, onProgress } = hooks;
  const options = settle("planRun", { ...given, run: given.run ?? "run" }); // checkpoints need one; here nothing is written
  const data = await openPrepared(options.data);
  checkBatch(options.batch, data.splits.train?.rows ?? 0, data.directory);
  const program = findModel(options.model).build(dataShape(data), options.modelOptions);
  const bytesPerRow = rowBytes(program, options.optimizer);
  const hot = await hotFigures(data, program.width, options, signal).catch((error: unknown) => {
    if (error instanceof PlanError) return error;
    throw error;
  });
  const facts = machineFacts(data.directory);
  const machine = { memoryBytes: facts.memory.availableBytes, diskBytes: facts.disk.freeBytes };
  const bytes = await bytesOf(data);
  const context: Context = { options, data, program, hot, machine, packBytes: bytes.pack };
  const planned: StrategyPlan[] = [];
  try {
    for (const name of names) {
      stopIfAborted(signal, "Planning");
      planned.push(await planStrategy(name, context));
      onProgress?.(planned.length, names.length);
    }
  } finally {
    if (!(hot instanceof PlanError)) hot.close();
  }
  const rows = program.tables.reduce((sum, table) => sum + table.rows, 0);
  const hotTotal = hot instanceof PlanError ? 0 : hot.hotRows.reduce((sum, n) => sum + n, 0);
  return {
    data: {
      directory: data.directory,
      inputs: data.splits.train?.rows ?? 0,
      bytes: bytes.now,
      isPacked: data.packed !== null,
    },
    model: {
      name: program.name,
      rows,
      width: program.width,
      parameters: parameterCount(program),
      tableBytes: rows * program.width * 4,
    },
    batch: options.batch,
    optimizer: options.optimizer,
    hot:
      hot instanceof PlanError
        ? null
        : {
            from: hot.from,
            rows: hotTotal,
            bytes: hotTotal * bytesPerRow,
            budgetBytes: hot.budgetBytes,
            inputShare: hot.inputShare,
            rowsPerTable: hot.hotRows,
          },
    machine,
    strategies: planned,
  };
}

interface Context {
  readonly options: TrainOptions;
  readonly data: PreparedData;
  readonly program: Program;
  readonly hot: HotFigures | PlanError;
  readonly machine: RunPlan["machine"];
  readonly packBytes: number;
}

async function planStrategy(name: StrategyName, context: Context): Promise<StrategyPlan> {
  const { options, data, program, hot, machine } = context;
  const strategy = findStrategy(name);
  const bytesPerRow = rowBytes(program, options.optimizer);
  const figures = hot instanceof PlanError ? null : hot;
  const planFor = (tables: Program["tables"], hotRows: readonly number[] | undefined): Plan =>
    strategy.plan({
      tables,
      rowBytes: bytesPerRow,
      budgetBytes: options.budgetBytes ?? figures?.budgetBytes ?? 0,
      ...(hotRows && { hotRows }),
      devices: 1,
      lookAhead: options.lookAhead,
      servers: options.servers,
      staleness: options.staleness,
    });
  const isSplit = name === "fae" || name === "mixed";
  const disk = {
    pack: isSplit && data.packed === null ? context.packBytes : 0,
    model: modelBytes(program, options.optimizer, bytesPerRow),
    checkpoints: checkpointsBytes(program, options, data),
  };
  const nothing = { strategy: name, engine: null, memory: null, checkpoint: null, disk, hotShare: null, traffic: null };
  const usable = isSplit ? figures : null;
  try {
    if (isSplit && hot instanceof PlanError) throw hot;
    const hotRows = usable?.hotRows ?? program.tables.map(() => 0);
    const plan = planFor(program.tables, hotRows);
    const traffic = predictStepBytes({
      data,
      options,
      strategy,
      plan,
      hot: usable,
      shape: {
        width: program.width,
        stateValues: rowStateValues(options.optimizer, program.width),
        parameters: parameterCount(program),
        lookAhead: plan.lookAhead,
      },
    });
    const hotShare = name === "fae" ? (usable?.inputShare ?? 0) : null;
    const input: MemoryInput = { program, planFor, hotRows, layout: data.layout, options, rowBytes: bytesPerRow };
    const probe = probeJob(input);
    const { engine } = await chooseEngine(options.engine, probe);
    const memory = await predictMemory(engine, probe, input);
    const device = engine.machine().devices[0]?.memoryBytes ?? null;
    // Without a device its memory is host memory.
    const sessionBytes = memory.hostBytes + (device === null ? memory.deviceBytes : 0);
    const checkpoint = checkpointMemory(options, program, data, machine.memoryBytes - sessionBytes);
    const problems = lacks([
      ["host memory", sessionBytes + (checkpoint?.hostBytes ?? 0), machine.memoryBytes],
      ["device memory", memory.deviceBytes, device ?? Number.POSITIVE_INFINITY],
      ["disk", disk.pack + disk.model + disk.checkpoints, machine.diskBytes],
    ]);
    return { strategy: name, engine: engine.name, memory, checkpoint, disk, hotShare, traffic, problems };
  } catch (error) {
    if (!(error instanceof FaeError) || error.code === "ERR_INTERRUPTED") throw error;
    return { ...nothing, problems: [error.message] };
  }
}

/** What is missing here. @param needs what, the bytes needed, the bytes there */
const lacks = (needs: readonly (readonly [string, number, number])[]): string[] =>
  needs
    .filter(([, need, free]) => need > free)
    .map(([what, need, free]) => `needs ${formatBytes(need)} of ${what}, there are ${formatBytes(free)}`);

/** Tables and parameters with their optimizer state, as a checkpoint keeps them. */
const modelBytes = (program: Program, optimizer: TrainOptions["optimizer"], bytesPerRow: number): number =>
  program.tables.reduce((sum, { rows }) => sum + rows * bytesPerRow, 0) +
  4 * parameterCount(program) * (1 + optimizers[optimizer].denseSlots.length);

/** Checkpoints and the best model of a run, when they take most. */
function checkpointsBytes(program: Program, options: TrainOptions, { splits }: PreparedData): number {
  const steps = Math.min(
    options.epochs * Math.ceil((splits.train?.rows ?? 0) / options.batch),
    options.maxBatches ?? Number.POSITIVE_INFINITY,
  );
  const none = runBytes(program, options.optimizer, { ...options, checkpointEvery: 0, keep: "last" }, steps);
  return runBytes(program, options.optimizer, options, steps).most - none.most;
}

/** Bytes of the data set now, and of a pack of it: all rows, train once more by class, original ids, vocabularies. */
async function bytesOf(data: PreparedData): Promise<{ now: number; pack: number }> {
  const { tables } = await readManifest(data.directory);
  const stride = strideBytes(data.layout);
  const rows = Object.values(data.splits).reduce((sum, split) => sum + split.rows, 0);
  const keys = tables.reduce((sum, table) => sum + (table.vocabulary === null ? 0 : 4 * table.rows), 0);
  const ids = tables.reduce((sum, table) => sum + 4 * table.rows, 0);
  const now = rows * stride + keys;
  return { now: now + (data.packed ? ids : 0), pack: now + (data.splits.train?.rows ?? 0) * stride + ids };
}

/** Bytes of all kinds in one direction. */
export const inDirection = (bytes: Bytes, direction: "toDevice" | "toHost"): number =>
  Object.values(bytes).reduce((sum, kind) => sum + kind[direction], 0);
