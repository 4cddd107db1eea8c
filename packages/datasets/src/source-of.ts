import type { BatchSource, PreparedData, SplitName } from "@fae/core";
import { checkArguments, checkOptions, DataError, dataKinds } from "@fae/core";
import { sourceKinds } from "./call-kinds.js";

export interface SourceOptions {
  /** Permutes the inputs of every epoch; null (default) keeps their order. */
  readonly shuffleSeed?: number | null;
  /** Name in messages and reports; default `<split>`. */
  readonly name?: string;
}

/** One split of a prepared data set as a `BatchSource`. @throws DataError when the data set has no such split. */
export function toBatchSource(data: PreparedData, split: SplitName, options: SourceOptions = {}): BatchSource {
  checkArguments("toBatchSource", { data: [data, dataKinds.prepared], split: [split, dataKinds.split] });
  checkOptions<SourceOptions>("toBatchSource", options, sourceKinds);
  const { shuffleSeed = null, name = split } = options;
  const found = data.splits[split];
  if (!found) {
    throw new DataError(`'${data.directory}' has no split '${split}', it has ${Object.keys(data.splits).join(", ")}.`, {
      fix: fixFor(data, split),
      details: { path: data.directory, expected: split, found: Object.keys(data.splits) },
    });
  }
  return { name, layout: data.layout, rows: found.rows, storage: { kind: "file", path: found.path }, shuffleSeed };
}

function fixFor({ packed }: PreparedData, split: SplitName): string {
  if (split !== "hot" && split !== "cold") return "Choose one of these.";
  return packed === null
    ? "Run pack on it first."
    : "It was packed without classes: pack the data that it was made from again, with them.";
}
