import { is } from "@fae/core";

const { list, maybe, oneOf, text, flag, whole } = is;

/** More than any model has; each head is a network of its own. */
const mostHeads = 1024;
export const sizes = list(whole(1), 1);

const towerKinds = {
  name: maybe(text),
  tableRows: sizes,
  width: whole(1),
  denseFeatures: whole(1),
  bottomMlp: sizes,
  interaction: maybe(oneOf(["dot", "dot-itself", "cat"])),
};

export const dlrmKinds = { ...towerKinds, topMlp: sizes };

export const dcnv2Kinds = {
  name: maybe(text),
  tableRows: sizes,
  width: whole(1),
  denseFeatures: whole(1),
  bottomMlp: sizes,
  crossLayers: maybe(whole(1)),
  crossRank: maybe(whole(1)),
  structure: maybe(oneOf(["stacked", "parallel"])),
  topMlp: sizes,
};

export const deepfmKinds = {
  name: maybe(text),
  tableRows: sizes,
  width: whole(2),
  denseFeatures: whole(1),
  topMlp: sizes,
};

export const tbsmKinds = {
  ...towerKinds,
  history: whole(1, 65_536),
  towerTopMlp: sizes,
  heads: maybe(whole(1, mostHeads)),
  headHistory: maybe(oneOf(["full", "shortened"])),
  inner: maybe(oneOf(["def", "ind", "dot"])),
  mechanism: maybe(oneOf(["mlp", "mul"])),
  attentionMlp: list(whole(1)),
  headMlp: sizes,
  project: maybe(flag),
};
