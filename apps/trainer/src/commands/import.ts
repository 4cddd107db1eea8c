import { models } from "@fae/models";
import { defineCommand, option } from "../cli/command.js";
import { formatBytes } from "../cli/format.js";
import { present } from "../cli/present.js";
import { choice, text } from "../cli/values.js";
import { idsNotStated } from "../export/description.js";
import { importWeights } from "../export/import-weights.js";
import { modelSizes } from "./model-sizes.js";

const modelNames = models.map((entry) => entry.name);

export const importCommand = defineCommand({
  name: "import",
  summary: "Makes a checkpoint of weights that PyTorch's DLRM or TBSM was trained to.",
  operands: ["<weights>"],
  options: {
    model: option("--model <name>", modelNames.join(", "), choice(modelNames)),
    ...modelSizes,
    data: option("--data <dir>", "prepared data set whose ids the rows have", text()),
    out: option("--out <dir>", "directory of checkpoints to make; must not exist", text()),
  },
  example: "fae import dlrm.safetensors --model rmc2 --data kaggle --out imported",
  notes:
    "In Python: safetensors.torch.save_file(model.state_dict(), 'dlrm.safetensors').\n" +
    "The result is for evaluate, predict, export and train --init.",
  async run([weights], { model, data, out, ...sizes }, { io }) {
    const report = await importWeights({ weights, model, modelOptions: present(sizes), data, out, signal: io.signal });
    const { tensors, bytes, idsStated } = report;
    const note = idsStated ? "" : `\n${idsNotStated}`;
    return {
      json: report,
      text: `${report.model}: ${tensors} tensors, ${formatBytes(bytes)}, written to ${report.checkpoint}${note}`,
    };
  },
});
