import { defineCommand, option } from "../cli/command.js";
import { formatBytes, formatSeconds } from "../cli/format.js";
import { present } from "../cli/present.js";
import { choice, text } from "../cli/values.js";
import { exportFormats, exportModel } from "../export/export-model.js";

export const exportCommand = defineCommand({
  name: "export",
  summary: "Writes a trained model for PyTorch (safetensors), ONNX Runtime or numpy.",
  operands: ["<model>"],
  options: {
    format: option("--format <kind>", exportFormats.join(", "), choice(exportFormats)),
    out: option(
      "--out <file>",
      "file to write; must not exist; beside it go <file>.json, <file>.keys.tsv and of ONNX <file>.data",
      text(),
    ),
    data: option(
      "--data <dir>",
      "prepared data set of the model (default: where the run was trained on it)",
      text().optional(),
    ),
  },
  example: "fae export runs/first --format safetensors --out model.safetensors",
  notes:
    "<model> is a directory that 'fae train --run' wrote, or a checkpoint inside it. Names and shapes of the tensors are\n" +
    "those of facebookresearch/dlrm and facebookresearch/tbsm; rows have the data set's original ids.\n" +
    "<file>.json says what goes in, and the metadata of ONNX and safetensors say the same under 'fae': model, step, log, the\n" +
    "columns of dense in order and whether they are ln(x + 1) of counts or the numbers as they are, the tables in the order\n" +
    "of the ids, how a key becomes an id (vocabulary, or key modulo a number), the id of a missing value and of an unknown key,\n" +
    "and a digest per table. <file>.keys.tsv is the vocabulary, lines of table, key and id. Inputs of the ONNX graph are dense\n" +
    "float32 [N, (steps,) columns] and ids int64 [N, (steps,) ids per step]; id -1 adds no row, other numbers that are no row\n" +
    "are errors. The graph names <file>.data: export again rather than rename. Scores of a model whose training split was thinned are corrected in the graph; safetensors and npz hold the\n" +
    "weights as they are.",
  async run([model], { format, out, data }, { io, progress }) {
    const bar = progress("export", "bytes");
    try {
      const report = await exportModel({
        model,
        format,
        out,
        ...present({ data }),
        signal: io.signal,
        onProgress: bar.update,
      });
      bar.end();
      const files = report.files.map(({ path, bytes }) => `${path}, ${formatBytes(bytes)}`);
      const head = `${report.model}, step ${report.step}: ${report.tensors} tensors in ${formatSeconds(report.seconds)}`;
      const lack =
        report.vocabularyLack === null ? [] : [`not said: how a key becomes an id. ${report.vocabularyLack}`];
      return { json: report, text: [head, ...files, ...lack].join("\n") };
    } finally {
      bar.end();
    }
  },
});
