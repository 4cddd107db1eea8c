import { ConfigError, checkOptions, type Job, type OptimizerName } from "@fae/core";
import { findModel, type ModelOptions } from "@fae/models";
import { strategy as findStrategy, type ShuffleStart, type StrategyName, shuffleRate } from "@fae/scheduler";
import { trainKinds } from "./option-kinds.js";

/** What a training run is asked to do. Only `data` and `model` have no default. */
export interface TrainOptions {
  /** Directory of a prepared data set, packed for strategies that split tables. */
  readonly data: string;
  readonly model: string;
  /** Sizes of the models `dlrm` and `tbsm`. */
  readonly modelOptions: ModelOptions;
  /** `auto`, or a name that `fae doctor` lists. */
  readonly engine: string;
  readonly strategy: StrategyName;
  /** B. */
  readonly batch: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly decayStart: number;
  readonly decaySteps: number;
  /** Tests without a better log loss that are waited for before the rate is multiplied by `plateauFactor`; null: never. */
  readonly plateauPatience: number | null;
  readonly plateauFactor: number;
  /** Tests without a better log loss after which training ends; null: never. */
  readonly stopPatience: number | null;
  /** Which weights are scored at the end and written: those of the best test, or the last ones. Default `best` where tests end a run that is written. */
  readonly keep: "best" | "last";
  readonly optimizer: OptimizerName;
  readonly epochs: number;
  /** Of initial weights and of the permutation of inputs. */
  readonly seed: number;
  readonly shuffle: "none" | "total";
  /** Device bytes for hot rows with their optimizer state; null: what the data were packed for. */
  readonly budgetBytes: number | null;
  /** Directory that `profile` wrote: another hot set than the pack's, for strategy mixed; null: the pack's. */
  readonly profile: string | null;
  /** Strategy fae: percent of the hot and of the cold batches between switches, until its tests change it. */
  readonly shuffleRate: number;
  /** Strategy fae: the class that each cycle begins with; `smaller`: the one with fewer batches. */
  readonly shuffleFirst: NonNullable<ShuffleStart["first"]>;
  readonly lookAhead: number;
  readonly servers: number;
  readonly staleness: number;
  /** Host threads; 0 lets the engine choose. */
  readonly threads: number;
  /** Directory in which tables with rows on the host are kept in files while it trains, for tables larger than memory; null: in memory. */
  readonly mapped: string | null;
  /** Matrix arithmetic; null: tf32 on cuda, float32 elsewhere. */
  readonly matmul: NonNullable<Job["matmul"]> | null;
  /** Row storage on the device. */
  readonly rowType: NonNullable<Job["rowType"]>;
  /** CUDA: false takes order-free atomic row updates, which do not repeat bit by bit. */
  readonly deterministic: boolean;
  /**
   * Initial weights: a run, a checkpoint, or a safetensors file (`emb_l.0.weight`, `bot_l.0.weight`, ...), over ids of the same
   * meaning; null: drawn from the seed.
   */
  readonly init: string | null;
  /** Takes from a run or checkpoint its optimizer state too, and goes on in the schedule of rates where it stood. */
  readonly initWithState: boolean;
  /** Directory that the run is written to; null: nothing is written. */
  readonly run: string | null;
  /** Batches between checkpoints, at the next end of a segment; 0: none. An interrupted run with one can be resumed. */
  readonly checkpointEvery: number;
  /** A full checkpoint after that many times `checkpointEvery`; those between hold only the rows changed since. 1: all full. */
  readonly fullEvery: number;
  /** Checkpoints to keep; full ones that these build on stay too. */
  readonly keepCheckpoints: number;
  /** Writes event files for TensorBoard to `tensorboard` in the run's directory. */
  readonly tensorboard: boolean;
  /** Batches between tests on the validation split; 0: only those that the strategy asks for. */
  readonly testEvery: number;
  /** Inputs of the validation split used by tests during training. */
  readonly testInputs: number;
  /** Stop after this many batches; null: run all epochs. */
  readonly maxBatches: number | null;
  readonly segmentBatches: number;
}

export type GivenOptions = Pick<TrainOptions, "data" | "model"> & Partial<TrainOptions>;

/**
 * Fills in defaults; optimizer, rate and batch are those of the model's published runs.
 * @throws ConfigError for an option that is not known, of another kind than expected, or does not go with the others
 */
export const trainOptions = (given: GivenOptions): TrainOptions => settle("trainOptions", given);

/** The same for the public call of this name. */
export function settle(call: string, given: GivenOptions): TrainOptions {
  checkOptions<TrainOptions>(call, given, trainKinds);
  const { recommended } = findModel(given.model);
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const options: TrainOptions = {
    modelOptions: {},
    engine: "auto",
    strategy: "cpu-only",
    batch: recommended.batch,
    learningRate: recommended.learningRate,
    warmupSteps: 0,
    decayStart: 0,
    decaySteps: 0,
    plateauPatience: null,
    plateauFactor: 0.1,
    stopPatience: null,
    keep: set["stopPatience"] != null && set["run"] != null ? "best" : "last",
    optimizer: recommended.optimizer,
    epochs: 1,
    seed: 1,
    shuffle: "none",
    budgetBytes: null,
    profile: null,
    shuffleRate: shuffleRate.start,
    shuffleFirst: "smaller",
    lookAhead: 2,
    servers: 4,
    staleness: 0,
    threads: 0,
    mapped: null,
    matmul: null,
    rowType: "float32",
    deterministic: true,
    init: null,
    initWithState: false,
    run: null,
    checkpointEvery: 0,
    fullEvery: 10,
    keepCheckpoints: 2,
    tensorboard: false,
    testEvery: 0,
    testInputs: 262_144,
    maxBatches: null,
    segmentBatches: 64,
    data: given.data,
    model: given.model,
    ...set,
  };
  checkSchedule(options);
  checkFeedback(options);
  checkRun(options);
  checkInit(options);
  return options;
}

function checkSchedule({ warmupSteps, decayStart, decaySteps }: TrainOptions): void {
  if (decaySteps > 0 && decayStart < warmupSteps)
    throw new ConfigError(`The decay starts at batch ${decayStart}, inside the warm-up of ${warmupSteps} batches.`, {
      fix: `Set decay-start to ${warmupSteps} or later.`,
      details: { option: "decay-start", found: decayStart, expected: warmupSteps },
    });
  if (decaySteps === 0 && decayStart > 0)
    throw new ConfigError(`decay-start is ${decayStart}, but decay-steps is 0, so nothing would decay.`, {
      fix: "Set decay-steps too, or leave decay-start out.",
      details: { option: "decay-steps", found: 0 },
    });
}

function checkFeedback({ plateauPatience, stopPatience, keep, testEvery, strategy }: TrainOptions): void {
  const hasTests = testEvery > 0 || findStrategy(strategy).reads === "hot-and-cold";
  if ((plateauPatience !== null || stopPatience !== null || keep === "best") && !hasTests)
    throw new ConfigError("Training is to follow its tests, and there are none.", {
      fix: "Set --test-every, or leave --plateau-patience, --stop-patience and --keep best out.",
      details: { option: "test-every", found: testEvery },
    });
}

function checkInit({ init, initWithState }: TrainOptions): void {
  if (init !== null || !initWithState) return;
  throw new ConfigError("There is nothing to take optimizer state from.", {
    fix: "Give --init too, a run or a checkpoint.",
    details: { option: "init-with-state" },
  });
}

function checkRun({ tensorboard, checkpointEvery, keep, run }: TrainOptions): void {
  if (run !== null || !(tensorboard || checkpointEvery > 0 || keep === "best")) return;
  const [what, option] = tensorboard
    ? ["Event files for TensorBoard", "tensorboard"]
    : checkpointEvery > 0
      ? ["Checkpoints", "checkpoint-every"]
      : ["The weights of the best test", "keep"];
  throw new ConfigError(`${what} have no place: there is no run directory.`, {
    fix: "Give --run too.",
    details: { option },
  });
}
