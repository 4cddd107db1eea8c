import { dataKinds, is } from "@fae/core";

const { call, having, list, maybe, number, oneOf, text, whole } = is;

/** What the options of the public calls may be. */
export const sourceKinds = {
  session: having("an open session", { read: call }),
  program: dataKinds.program,
  optimizer: dataKinds.optimizer,
  originalIds: maybe(having("original ids by table")),
  state: is.any,
  data: maybe(text),
  ids: maybe(having("what ids mean")),
  keys: maybe(is.any),
  changed: maybe(having("changed rows", { since: having("a checkpoint's base"), rows: having("rows by table") })),
  chunkBytes: maybe(whole(1)),
};

const diskKind = having("a disk", { create: call, rename: call, remove: call });

export const saveKinds = {
  ...sourceKinds,
  keep: maybe(number("a whole number of at least 1")),
  disk: maybe(diskKind),
};

export const restoreKinds = {
  session: having("an open session", { write: call }),
  program: dataKinds.program,
  optimizer: dataKinds.optimizer,
  originalIds: maybe(having("original ids by table")),
  data: maybe(text),
  ids: maybe(having("what ids mean")),
  parts: maybe(oneOf(["all", "weights"])),
  onChanged: maybe(call),
  chunkBytes: maybe(whole(1)),
};

export const checkpointKind = having("what openCheckpoint returns", {
  path: text,
  manifest: having("a manifest", { files: list(having("a file")) }),
});

export const writeKinds = { metadata: maybe(having("text by name")), disk: maybe(diskKind) };
export const tensorsKind = list(having("a tensor", { name: text, dtype: text, shape: list(whole()) }));
export const tableKinds = { cacheBytes: maybe(whole()) };
