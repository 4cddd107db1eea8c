import type { RawFormat } from "./raw-format.js";
import type { Field } from "./text/field.js";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
const tables = numbers(26).map((i) => ({ name: `C${i}`, keys: "hex" as const }));

const fields: Field[] = [
  { name: "label", kind: "label" },
  ...numbers(13).map((i): Field => ({ name: `I${i}`, kind: "count" })),
  ...numbers(26).map((i): Field => ({ name: `C${i}`, kind: "hex-or-missing" })),
];

/** Criteo Display Advertising Challenge: one `train.txt`, seven days in time order without a day marker. */
export const criteoKaggle: RawFormat = {
  name: "criteo-kaggle",
  title: "Criteo Kaggle Display Advertising Challenge (train.txt)",
  line: { delimiter: "\t", fields },
  header: null,
  fileNames: ["train.txt"],
  tables,
  keysAt: 14,
  denseFeatures: 13,
  split: "days-by-lines",
};

/** Criteo 1 TB click logs: one file a day. */
export const criteoTerabyte: RawFormat = {
  ...criteoKaggle,
  name: "criteo-terabyte",
  title: "Criteo Terabyte click logs (day_0 .. day_23)",
  fileNames: numbers(24).map((day) => `day_${day - 1}`),
  split: "days-by-files",
};
