import { ConfigError, optimizers, planRanges } from "@fae/core";
import { models } from "@fae/models";
import { type StrategyName, shuffleRate, strategies } from "@fae/scheduler";
import { type CommandContext, defineCommand, type OptionValues, option } from "../cli/command.js";
import { formatBytes, formatMetric } from "../cli/format.js";
import { present } from "../cli/present.js";
import { byteCount, choice, count, flag, number, text } from "../cli/values.js";
import type { CheckpointEvent } from "../train/checkpoints.js";
import type { LoopEvent } from "../train/loop.js";
import type { TrainOptions } from "../train/options.js";
import { trainText } from "../train/summary.js";
import { resumeTraining, type TrainHooks, trainModel } from "../train/train-model.js";
import { withLivePage } from "../ui/live-page.js";
import { modelSizes } from "./model-sizes.js";

const keys = <K extends string>(of: Readonly<Record<K, unknown>>): readonly K[] => Object.keys(of) as K[];
const listed = (words: readonly string[]): string => words.join(", ");
const modelNames = models.map((entry) => entry.name);

const options = {
  model: option("--model <name>", listed(modelNames), choice(modelNames).optional()),
  ...modelSizes,
  engine: option("--engine <name>", "auto, or a name that 'fae doctor' lists", text().default("auto")),
  strategy: option("--strategy <name>", listed(keys(strategies)), choice(keys(strategies)).default("cpu-only")),
  batch: option("--batch <inputs>", "inputs per batch (default: the model's published value)", count(1).optional()),
  lr: option("--lr <rate>", "learning rate (default: the model's published value)", number({ above: 0 }).optional()),
  warmupSteps: option("--warmup-steps <batches>", "linear warm-up of the learning rate", count(0).default(0)),
  decayStart: option("--decay-start <batch>", "first batch of the quadratic decay", count(0).default(0)),
  decaySteps: option("--decay-steps <batches>", "length of the decay; 0 for none", count(0).default(0)),
  plateauPatience: option(
    "--plateau-patience <tests>",
    "lower the rate when the log loss of that many tests and one more was no better",
    count(0).optional(),
  ),
  plateauFactor: option(
    "--plateau-factor <factor>",
    "what the rate is then multiplied by",
    number({ above: 0, atMost: 1 }).default(0.1),
  ),
  stopPatience: option(
    "--stop-patience <tests>",
    "end training when the log loss of that many tests was no better",
    count(1).optional(),
  ),
  keep: option(
    "--keep <weights>",
    "scored at the end and written: best, those of the best test, or last (default: best with --stop-patience and --run)",
    choice(["best", "last"]).optional(),
  ),
  optimizer: option("--optimizer <name>", listed(keys(optimizers)), choice(keys(optimizers)).optional()),
  epochs: option("--epochs <n>", "passes over the training split", count(1).default(1)),
  seed: option("--seed <n>", "seed of initial weights and input order", count(0, 0xffffffff).default(1)),
  shuffle: option(
    "--shuffle <how>",
    "none: file order; total: all inputs anew each epoch",
    choice(["none", "total"]).default("none"),
  ),
  budget: option(
    "--budget <bytes>",
    "device bytes for hot rows with optimizer state (default: what was packed for)",
    byteCount(1).optional(),
  ),
  profile: option("--profile <dir>", "mixed: hot rows of another profile of the packed data", text().optional()),
  shuffleRate: option(
    "--shuffle-rate <percent>",
    "fae: of the hot and of the cold batches, before it switches; its tests change it",
    count(shuffleRate.least, shuffleRate.most).default(shuffleRate.start),
  ),
  shuffleFirst: option(
    "--shuffle-first <class>",
    "fae: inputs that run first; smaller: those with fewer batches, so that an epoch ends on the others",
    choice(["smaller", "cold", "hot"]).default("smaller"),
  ),
  lookAhead: option(
    "--look-ahead <batches>",
    "mixed: batches whose cold rows are fetched ahead",
    count(...planRanges.lookAhead).default(2),
  ),
  servers: option("--servers <n>", "xdl-parameter-server: shards", count(...planRanges.servers).default(4)),
  staleness: option(
    "--staleness <batches>",
    "xdl-parameter-server: updates a worker may miss",
    count(...planRanges.staleness).default(0),
  ),
  threads: option("--threads <n>", "host threads; 0 lets the engine choose", count(0, 1024).default(0)),
  mapped: option(
    "--mapped <dir>",
    "keep tables in files in this directory while it trains: for tables larger than memory (engines cpu and cuda)",
    text().optional(),
  ),
  matmul: option(
    "--matmul <type>",
    "float32, tf32 or bf16 (default: tf32 on cuda, float32 elsewhere)",
    choice(["float32", "tf32", "bf16"]).optional(),
  ),
  rowType: option("--row-type <type>", "rows on the device", choice(["float32", "bf16"]).default("float32")),
  atomics: option("--atomics", "cuda: order-free row updates, which do not repeat bit by bit", flag()),
  init: option(
    "--init <path>",
    "initial weights over the same ids: safetensors, a run or a checkpoint",
    text().optional(),
  ),
  initWithState: option(
    "--init-with-state",
    "take the optimizer state of --init too, and go on where its rate schedule stood",
    flag(),
  ),
  run: option("--run <dir>", "directory to write report, metrics and model to; must not exist", text().optional()),
  checkpointEvery: option(
    "--checkpoint-every <batches>",
    "save a checkpoint to <run>/checkpoints that often, where a segment ends; 0 for never",
    count(0).default(0),
  ),
  fullEvery: option(
    "--full-every <n>",
    "a full checkpoint after that many; those between hold only the rows changed since it",
    count(1).default(10),
  ),
  keepCheckpoints: option(
    "--keep-checkpoints <n>",
    "checkpoints to keep, besides those they build on",
    count(1).default(2),
  ),
  resume: option(
    "--resume <run>",
    "go on with an interrupted run from its newest checkpoint, or from the one that is named",
    text().optional(),
  ),
  tensorboard: option("--tensorboard", "write event files for TensorBoard to <run>/tensorboard", flag()),
  ui: option("--ui", "show the training on a page that only this machine can open", flag()),
  uiPort: option("--ui-port <port>", "port of that page; 0 for any free one", count(0, 65_535).default(7007)),
  testEvery: option(
    "--test-every <batches>",
    "test on the validation split that often; 0 for never",
    count(0).default(0),
  ),
  testInputs: option(
    "--test-inputs <n>",
    "inputs of the validation split used by these tests",
    count(1).default(262_144),
  ),
  waitForSpace: option(
    "--wait-for-space <seconds>",
    "keep a trained model in memory that long when the disk is full at the end",
    count(0).default(3600),
  ),
  maxBatches: option("--max-batches <n>", "stop after that many batches", count(1).optional()),
};

export const trainCommand = defineCommand({
  name: "train",
  summary: "Trains a model on a prepared data set and scores it on the held-out splits.",
  operands: ["[data]"],
  options,
  example: "fae train kaggle --model rmc2 --strategy cpu-only --batch 1024 --lr 0.1 --run runs/first",
  notes:
    "Strategies fae and mixed need packed data: run 'fae profile' and 'fae pack' first.\n" +
    "--init takes weights alone: optimizer state starts empty, the schedule at batch 1, and rates are those given here. Its ids\n" +
    "must mean the same: same vocabulary or hash, packed or not, whatever the inputs.\n" +
    "With --resume all options are those of the run. Engine, strategy, budget, profile, look-ahead, servers, threads, --mapped,\n" +
    "checkpoints, --tensorboard, --keep and <data> (where the same data are now) may be given anew. So may --lr: a run whose\n" +
    "loss exploded goes on from a checkpoint with a lower rate, and the report says where it was changed.\n" +
    "With --ui a page at http://127.0.0.1:7007/ shows loss, AUC, hot and cold batches, seconds, bytes and memory:\n" +
    "  fae train kaggle-packed --model rmc2 --strategy fae --ui --ui-port 7007\n" +
    "From elsewhere: ssh -L 7007:127.0.0.1:7007 HOST. 'fae report <run>' writes the same to a file.",
  async run([data], given, context) {
    const progress = context.progress("train", "inputs");
    try {
      const hooks: TrainHooks = {
        signal: context.io.signal,
        log: context.log,
        onProgress: (done, total, loss) => progress.update(done, total, `loss ${formatMetric(loss, 4)}`),
        onEvent: (event) => logTest(event, context.log),
        onCheckpoint: (event) => context.log(checkpointText(event)),
        roomSeconds: given.waitForSpace,
      };
      const { resume, ui, uiPort } = given;
      if (!ui && context.given.has("uiPort")) {
        throw new ConfigError(`--ui-port ${uiPort} is of no use without --ui.`, {
          fix: "Add --ui, or leave --ui-port away.",
          details: { option: "ui-port", found: uiPort },
        });
      }
      if (resume === undefined) hintUnused(given.strategy, context);
      const start = (hooks: TrainHooks) =>
        resume === undefined
          ? trainModel(newRun(data, given), hooks)
          : resumeTraining(resume, changes(data, given, context.given), hooks);
      const report = ui ? await withLivePage({ port: uiPort, log: context.log }, hooks, start) : await start(hooks);
      progress.end();
      return { json: report, text: trainText(report) };
    } finally {
      progress.end();
    }
  },
});

type Given = OptionValues<typeof options>;

/** Options that one strategy alone looks at. */
const ownerOf = {
  lookAhead: "mixed",
  servers: "xdl-parameter-server",
  staleness: "xdl-parameter-server",
  shuffleRate: "fae",
  shuffleFirst: "fae",
} as const satisfies Partial<Record<keyof Given, StrategyName>>;

function hintUnused(strategy: Given["strategy"], { given, log }: CommandContext): void {
  for (const name of keys(ownerOf))
    if (given.has(name) && ownerOf[name] !== strategy)
      log(`hint: ${options[name].flags} is for strategy ${ownerOf[name]}, and changes nothing for ${strategy}`);
}

const trainOptionsOf = ({
  lr,
  budget,
  width,
  bottomMlp,
  topMlp,
  crossLayers,
  crossRank,
  atomics,
  resume: _,
  ui: __,
  uiPort: ___,
  waitForSpace: ____,
  ...same
}: Given) =>
  present({
    ...same,
    learningRate: lr,
    budgetBytes: budget,
    modelOptions: present({ width, bottomMlp, topMlp, crossLayers, crossRank }),
    deterministic: !atomics,
  });

function newRun(data: string | undefined, given: Given): Parameters<typeof trainModel>[0] {
  const { model } = given;
  if (data === undefined)
    throw new ConfigError("Missing required argument 'data'.", { fix: "'fae train --help' shows how." });
  if (model === undefined) {
    throw new ConfigError("Option --model is missing.", {
      fix: `Give --model <name>: ${listed(modelNames)}.`,
      details: { option: "model" },
    });
  }
  return { ...trainOptionsOf(given), data, model };
}

/** Only what was given: the run has its own values for the rest. */
function changes(data: string | undefined, given: Given, chosen: ReadonlySet<string>): Partial<TrainOptions> {
  const renamed: Readonly<Record<string, keyof TrainOptions>> = {
    lr: "learningRate",
    budget: "budgetBytes",
    ...Object.fromEntries(keys(modelSizes).map((key) => [key, "modelOptions" as const])),
    atomics: "deterministic",
  };
  const wanted = new Set<string>([...chosen].map((key) => renamed[key] ?? key));
  const all = Object.entries(trainOptionsOf(given)).filter(([key]) => wanted.has(key));
  return { ...Object.fromEntries(all), ...present({ data }) };
}

function logTest(event: LoopEvent, log: (line: string) => void): void {
  if (event.kind !== "test") return;
  const { logLoss, auc, accuracy } = event.metrics;
  log(
    `test after batch ${event.step}: log loss ${formatMetric(logLoss)}, AUC ${formatMetric(auc)}, accuracy ${formatMetric(accuracy)}`,
  );
}

const checkpointText = ({ step, bytes, holds, seconds, waitedSeconds }: CheckpointEvent): string =>
  `checkpoint after batch ${step}: ${formatBytes(bytes)}${holds === "changed" ? ", changed rows only" : ""}, ` +
  `written in ${seconds.toFixed(1)} s, training waited ${waitedSeconds.toFixed(2)} s`;
