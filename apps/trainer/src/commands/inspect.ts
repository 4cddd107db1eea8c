import { defineCommand, option } from "../cli/command.js";
import { unlessAborted } from "../cli/interrupted.js";
import { count, flag } from "../cli/values.js";
import { inspect } from "../inspect/inspect.js";
import { inspectionText } from "../inspect/inspect-text.js";
import { verifyInspected } from "../inspect/verify-inspected.js";

export const inspectCommand = defineCommand({
  name: "inspect",
  summary: "Shows what is in a prepared data set, a run, a checkpoint, a safetensors file or a profile.",
  operands: ["<path>"],
  options: {
    rows: option("--rows <n>", "inputs of a data set to show", count(0, 1000).default(3)),
    verify: option("--verify", "read every byte and compare it with the sums that were written with it", flag()),
  },
  example: "fae inspect kaggle --rows 2",
  async run([path], { rows, verify }, { io }) {
    const found = await unlessAborted(inspect(path, rows), io.signal, "The inspection");
    if (!verify) return { json: found, text: inspectionText(found) };
    await verifyInspected(found, io.signal);
    return {
      json: { ...found, verified: true },
      text: `${inspectionText(found)}\n\nverified: every byte is as it was written`,
    };
  },
});
