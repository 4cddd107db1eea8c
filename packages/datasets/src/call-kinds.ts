import { dataKinds, is } from "@fae/core";
import { z } from "zod";
import { rawFormats } from "./raw-formats.js";
import { logSchema } from "./schema/log-schema.js";

const { call, flag, list, maybe, number, oneOf, options, orNull, signal, text, whole } = is;
const format = oneOf(Object.keys(rawFormats));
const flat = oneOf(["criteo-kaggle", "criteo-terabyte", "avazu"]);
/** Of which the call itself says the range, which may depend on other options. */
const some = maybe(number("a number"));

/** What the options of the public calls may be. */
export const prepareKinds = {
  format,
  files: list(text),
  directory: text,
  ids: maybe(oneOf(["dictionary", "hash"])),
  maxRowsPerTable: some,
  dropNegatives: some,
  randomize: maybe(oneOf(["none", "day", "total"])),
  days: some,
  seed: some,
  series: maybe(options({ trainUsers: some, valUsers: some, perUser: some, usersMultiple: some })),
  asGiven: maybe(flag),
  maxRejects: some,
  workers: some,
  partBytes: some,
  onProgress: maybe(call),
  signal: maybe(signal),
};

export const synthKinds = {
  source: format,
  format: oneOf(["prepared", "raw"]),
  directory: text,
  rows: number("a whole number"),
  seed: some,
  calibration: maybe(oneOf(["counts", "paper"])),
  scale: some,
  drift: some,
  days: some,
  labelRate: some,
  gzip: maybe(flag),
  vocabulary: maybe(flag),
  workers: some,
  onProgress: maybe(call),
  signal: maybe(signal),
};

export const packKinds = {
  data: dataKinds.prepared,
  counts: call,
  hotRows: list(number("a whole number")),
  madeFrom: text,
  budgetBytes: number("a number of bytes", (bytes) => bytes >= 0),
  rowBytes: whole(1),
  directory: text,
  classes: maybe(flag),
  workers: some,
  partBytes: some,
  signal: maybe(signal),
  onProgress: maybe(call),
};

export const sourceKinds = { shuffleSeed: maybe(orNull(whole(0))), name: maybe(text) };
export const npzKinds = { compress: maybe(flag) };
export const exportParquetKinds = { groupRows: maybe(whole(1)) };

export const importNpzKinds = {
  format: flat,
  file: text,
  directory: text,
  dayRows: maybe(list(whole())),
  days: some,
};

export const importSeriesKinds = {
  files: options({ train: text, val: text, test: text }),
  directory: text,
  tableRows: list(whole(1)),
};

const splitFiles = options({ train: text, val: maybe(text), test: maybe(text) });

/** A file or several. */
const paths = is.either(text, list(text));

export const importParquetKinds = {
  files: options({ train: paths, val: maybe(paths), test: maybe(paths) }),
  directory: text,
  columns: maybe(
    options({
      label: text,
      dense: list(text),
      tables: list(text),
      denseEncoding: maybe(oneOf(["float32", "int32-log1p"])),
      tableRows: maybe(list(whole(1))),
    }),
  ),
};

export const importTerabyteKinds = {
  files: splitFiles,
  counts: is.either(text, list(whole())),
  directory: text,
  format: maybe(oneOf(["criteo-kaggle", "criteo-terabyte"])),
};

const schema = is.matching("a schema", (value) => {
  const { error } = logSchema.safeParse(value);
  return error === undefined ? null : z.prettifyError(error);
});
/** What `defineLog` returns. */
export const logKind = options({ schema, where: call, directory: text });

export const prepareSchemaKinds = {
  log: logKind,
  directory: text,
  files: maybe(list(text)),
  maxRejects: some,
  onProgress: maybe(call),
  onNotice: maybe(call),
  signal: maybe(signal),
};

export const proposeKinds = { rows: maybe(whole(1)) };

export const scanKinds = {
  offset: whole(),
  skipsFirst: flag,
  maxLineBytes: whole(1),
  onLine: call,
  onLongLine: call,
};
