import { is } from "./kinds.js";

const { having, list, maybe, orNull, oneOf, text, whole } = is;

const layout = having("a layout of rows", {
  denseFeatures: whole(),
  denseEncoding: oneOf(["float32", "int32-log1p"]),
  steps: whole(),
  hotness: list(whole(1)),
});
const table = having("a table", { name: text, rows: whole() });

const program = having("a program", {
  tables: list(table),
  params: list(having("a parameter")),
  nodes: list(having("a node")),
});
const optimizer = having("what optimizerSpec returns", { name: text });
const rows = having("rows such as toBatchSource returns", {
  layout,
  rows: whole(),
  storage: having("a file or words in memory", { kind: oneOf(["file", "memory"]) }),
});

/** Kinds of the values that packages hand to each other. */
export const dataKinds = {
  layout,
  tables: list(table),
  split: oneOf(["train", "val", "test", "hot", "cold"]),
  /** What `openPrepared` returns. */
  prepared: having("a data set that openPrepared returned", {
    directory: text,
    layout,
    tables: list(table),
    splits: having("the splits by name"),
    digest: text,
    packed: maybe(orNull(having("what pack told"))),
  }),
  /** Rows of a split, in a file or in memory. */
  rows,
  program,
  optimizer,
  /** What engines open. Sizes and what goes together are checked by the engine. */
  job: having("a job", {
    program,
    plan: having("a plan", { routes: list(text), placements: having("placements by table") }),
    optimizer,
    sources: list(having("a source", { name: text, layout })),
  }),
} as const;
