import { defineCommand, option } from "../cli/command.js";
import { unlessAborted } from "../cli/interrupted.js";
import { count } from "../cli/values.js";
import { inspect } from "../inspect/inspect.js";
import { inspectionText } from "../inspect/inspect-text.js";

export const inspectCommand = defineCommand({
  name: "inspect",
  summary: "Shows what is in a prepared data set, a run, a checkpoint, a safetensors file or a profile.",
  operands: ["<path>"],
  options: { rows: option("--rows <n>", "inputs of a data set to show", count(0, 1000).default(3)) },
  example: "fae inspect kaggle --rows 2",
  async run([path], { rows }, { io }) {
    const found = await unlessAborted(inspect(path, rows), io.signal, "The inspection");
    return { json: found, text: inspectionText(found) };
  },
});
