import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PreparedData } from "@fae/core";
import { type SkewedOptions, skewedData } from "./skewed-data.js";

/** Skewed inputs as the train split of a prepared data set on disk. */
export function prepared(directory: string, options: SkewedOptions): PreparedData {
  const { source, tables } = skewedData(options);
  mkdirSync(directory, { recursive: true });
  const path = join(directory, "train.rows");
  writeFileSync(path, source.storage.words);
  return {
    directory,
    source: "custom",
    layout: source.layout,
    tables,
    splits: { train: { path, rows: source.rows } },
    labelRate: 0.5,
    denseEncoding: "float32",
    digest: "ab".repeat(32),
    ids: null,
    keptNegatives: 1,
    packed: null,
  };
}
