import { optimizers, planRanges } from "@fae/core";
import { models } from "@fae/models";
import { type StrategyName, strategies } from "@fae/scheduler";
import { defineCommand, option } from "../cli/command.js";
import { present } from "../cli/present.js";
import { byteCount, choice, count, text } from "../cli/values.js";
import { planRun } from "../plan/plan-run.js";
import { planText } from "../plan/plan-text.js";
import { modelSizes } from "./model-sizes.js";

const modelNames = models.map((entry) => entry.name);
const strategyNames = Object.keys(strategies) as StrategyName[];
const optimizerNames = Object.keys(optimizers) as (keyof typeof optimizers)[];

export const planCommand = defineCommand({
  name: "plan",
  summary: "Predicts memory, disk, bytes per step and hot share of every strategy before anything is spent.",
  operands: ["<data>"],
  options: {
    model: option("--model <name>", modelNames.join(", "), choice(modelNames)),
    ...modelSizes,
    strategy: option("--strategy <name>", "only this one", choice(strategyNames).optional()),
    engine: option("--engine <name>", "auto, or a name that 'fae doctor' lists", text().default("auto")),
    batch: option("--batch <inputs>", "inputs per batch (default: the model's)", count(1).optional()),
    optimizer: option("--optimizer <name>", optimizerNames.join(", "), choice(optimizerNames).optional()),
    budget: option(
      "--budget <bytes>",
      "device bytes for hot rows (default: the pack's, the profile's, 256 MiB)",
      byteCount(1).optional(),
    ),
    profile: option(
      "--profile <dir>",
      "what 'fae profile' wrote (default: <data>-profile, if it fits)",
      text().optional(),
    ),
    shuffle: option("--shuffle <how>", "none or total, as in train", choice(["none", "total"]).default("none")),
    seed: option("--seed <n>", "as in train", count(0, 0xffffffff).default(1)),
    lookAhead: option(
      "--look-ahead <batches>",
      "mixed: batches fetched ahead",
      count(...planRanges.lookAhead).default(2),
    ),
    servers: option("--servers <n>", "xdl-parameter-server: shards", count(...planRanges.servers).default(4)),
    checkpointEvery: option(
      "--checkpoint-every <batches>",
      "as in train: count the memory of a checkpoint too; 0 for none",
      count(0).default(0),
    ),
    fullEvery: option("--full-every <n>", "as in train", count(1).default(10)),
    threads: option("--threads <n>", "host threads; 0 lets the engine choose", count(0, 1024).default(0)),
  },
  example: "fae plan kaggle --model rmc2 --budget 256MiB",
  notes:
    "Each engine is opened once over a few rows. Bytes per step are exact where a whole epoch is looked at, else the mean of\n" +
    "its first batches. Evaluations and, for fae, switches come on top.\n" +
    "A checkpoint is copied into memory and written while training goes on, if half of what is free holds the copy.",
  async run([data], { strategy, budget, width, bottomMlp, topMlp, crossLayers, crossRank, ...same }, context) {
    const progress = context.progress("plan", "strategies");
    try {
      const plan = await planRun(
        {
          ...present({ ...same, budgetBytes: budget }),
          data,
          model: same.model,
          modelOptions: present({ width, bottomMlp, topMlp, crossLayers, crossRank }),
        },
        strategy && [strategy],
        { signal: context.io.signal, onProgress: progress.update },
      );
      progress.end();
      return { json: plan, text: planText(plan) };
    } finally {
      progress.end();
    }
  },
});
