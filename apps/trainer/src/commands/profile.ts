import { ConfigError, optimizers, rowStateValues } from "@fae/core";
import { dataShape, findModel, models, parameterCount } from "@fae/models";
import { openProfileDirectory, profile, profileText } from "@fae/profiler";
import { defineCommand, option } from "../cli/command.js";
import { present } from "../cli/present.js";
import type { Progress } from "../cli/progress.js";
import { byteCount, choice, count, flag, number, text } from "../cli/values.js";
import { openData } from "../train/model-state.js";

const modelNames = models.map((entry) => entry.name);
const optimizerNames = Object.keys(optimizers) as (keyof typeof optimizers)[];

export const profileCommand = defineCommand({
  name: "profile",
  summary: "Counts accesses, chooses the hot rows under a byte budget, and predicts the bytes of every route.",
  operands: ["<data>"],
  options: {
    budget: option(
      "--budget <bytes>",
      "device bytes for hot rows with their optimizer state",
      byteCount(1).default(256 * 2 ** 20),
    ),
    model: option("--model <name>", modelNames.join(", "), choice(modelNames)),
    width: option("--width <D>", "models dlrm, dcnv2, deepfm and tbsm: values per row", count(1).optional()),
    optimizer: option("--optimizer <name>", optimizerNames.join(", "), choice(optimizerNames).optional()),
    batch: option(
      "--batch <inputs>",
      "inputs per batch for the predicted bytes (default: the model's)",
      count(1).optional(),
    ),
    sample: option(
      "--sample <percent>",
      "count only such a sample of the inputs and estimate, as FAE does",
      number({ above: 0, atMost: 100 }).optional(),
    ),
    exact: option("--exact", "count every input (the default)", flag()),
    compare: option("--compare", "do both and report how they differ", flag()),
    smallTables: option(
      "--small-tables <bytes>",
      "tables of fewer bytes are hot as a whole",
      byteCount(0).default(2 ** 20),
    ),
    lookAhead: option(
      "--look-ahead <batches>",
      "mixed: batches whose cold rows are fetched ahead",
      count(0, 4).default(2),
    ),
    seed: option("--seed <n>", "seed of the sample", count(0, 0xffffffff).default(0)),
    workers: option("--workers <n>", "threads (default: one a core)", count(1, 256).optional()),
    out: option(
      "--out <dir>",
      "directory to write to (default: <data>-profile); an older profile in it is replaced",
      text().optional(),
    ),
  },
  example: "fae profile kaggle --model rmc2 --budget 256MiB --out kaggle-profile",
  notes: "Writes profile.json, counts.u32 and report.html, a figure to look at.",
  async run([directory], options, context) {
    if (options.exact && options.sample !== undefined) {
      throw new ConfigError("--exact and --sample exclude each other.", {
        fix: "Give one of them, or --compare for both.",
        details: { option: "exact" },
      });
    }
    const data = await openData(directory);
    const out = options.out ?? `${data.directory}-profile`;
    using directoryOut = await openProfileDirectory(out);
    const entry = findModel(options.model);
    const program = entry.build(dataShape(data), present({ width: options.width }));
    const bars: Partial<Record<string, Progress>> = {};
    try {
      const result = await profile({
        data,
        width: program.width,
        stateValues: rowStateValues(options.optimizer ?? entry.recommended.optimizer, program.width),
        budgetBytes: options.budget,
        smallTableBytes: options.smallTables,
        method: options.sample === undefined ? "exact" : "sampled",
        compare: options.compare,
        seed: options.seed,
        traffic: {
          batch: options.batch ?? entry.recommended.batch,
          parameters: parameterCount(program),
          lookAhead: options.lookAhead,
        },
        ...present({ ratePercent: options.sample, workers: options.workers }),
        signal: context.io.signal,
        progress(phase, done, total) {
          bars[phase] ??= context.progress(phase, "inputs");
          bars[phase].update(done, total);
        },
      });
      await directoryOut.write(result);
      return { json: { ...result.profile, directory: out }, text: `${profileText(result.profile)}\nWritten to ${out}` };
    } finally {
      for (const bar of Object.values(bars)) bar?.end();
    }
  },
});
