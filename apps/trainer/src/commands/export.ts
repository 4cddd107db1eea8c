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
    out: option("--out <file>", "file to write; must not exist; ONNX tables go to <file>.data", text()),
    data: option(
      "--data <dir>",
      "prepared data set of the model (default: where the run was trained on it)",
      text().optional(),
    ),
  },
  example: "fae export runs/first --format safetensors --out model.safetensors",
  notes:
    "<model> is a directory that 'fae train --run' wrote, or a checkpoint inside it. Names and shapes of the tensors are\n" +
    "those of facebookresearch/dlrm and facebookresearch/tbsm; rows have the data set's original ids.",
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
      return { json: report, text: [head, ...files].join("\n") };
    } finally {
      bar.end();
    }
  },
});
