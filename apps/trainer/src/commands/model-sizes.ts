import { option } from "../cli/command.js";
import { count, counts } from "../cli/values.js";

/** Sizes of a model without fixed sizes; `@fae/models` says which model has which, and their defaults. */
export const modelSizes = {
  width: option("--width <D>", "models dlrm, dcnv2, deepfm and tbsm: values per row", count(1).optional()),
  bottomMlp: option(
    "--bottom-mlp <sizes>",
    "models dlrm, dcnv2 and tbsm: bottom layers, as 512,256,16",
    counts(1).optional(),
  ),
  topMlp: option("--top-mlp <sizes>", "models dlrm, dcnv2 and deepfm: top layers, as 512,256,1", counts(1).optional()),
  crossLayers: option("--cross-layers <n>", "model dcnv2: cross layers", count(1).optional()),
  crossRank: option("--cross-rank <R>", "model dcnv2: rank of their matrices", count(1).optional()),
};
