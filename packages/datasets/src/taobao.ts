import type { RawFormat } from "./raw-format.js";

/** Taobao user behaviour: actions, one a line, from which TBSM's series of 20 + 1 steps are made. */
export const taobao: RawFormat = {
  name: "taobao",
  title: "Taobao user behaviour (UserBehavior.csv)",
  line: {
    delimiter: ",",
    fields: [
      { name: "user", kind: "natural" },
      { name: "item", kind: "natural" },
      { name: "category", kind: "natural" },
      { name: "behaviour", kind: "skipped" },
      { name: "time", kind: "integer" },
    ],
  },
  header: null,
  fileNames: ["UserBehavior.csv"],
  tables: ["user", "item", "category"].map((name) => ({ name, keys: "decimal" })),
  keysAt: 0,
  denseFeatures: 1,
  split: "series",
};
