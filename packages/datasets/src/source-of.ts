import type { BatchSource, PreparedData, SplitName } from "@fae/core";
import { DataError } from "@fae/core";

export interface SourceOptions {
  /** Permutes the inputs of every epoch; null (default) keeps their order. */
  readonly shuffleSeed?: number | null;
  /** Name in messages and reports; default `<split>`. */
  readonly name?: string;
}

/** One split of a prepared data set as a `BatchSource`. @throws DataError when the data set has no such split. */
export function toBatchSource(data: PreparedData, split: SplitName, options: SourceOptions = {}): BatchSource {
  const { shuffleSeed = null, name = split } = options;
  const found = data.splits[split];
  if (!found) {
    throw new DataError(`'${data.directory}' has no split '${split}', it has ${Object.keys(data.splits).join(", ")}.`, {
      fix: split === "hot" || split === "cold" ? "Run pack on it first." : "Choose one of these.",
      details: { path: data.directory, expected: split, found: Object.keys(data.splits) },
    });
  }
  return { name, layout: data.layout, rows: found.rows, storage: { kind: "file", path: found.path }, shuffleSeed };
}
