import { idsPerStep, type PreparedData, type RowLayout } from "@fae/core";
import { rawFormats } from "../raw-formats.js";

/** One column of a Parquet file and the word of a row that it holds. */
export interface Column {
  readonly name: string;
  readonly word: number;
  readonly kind: "label" | "dense" | "id";
}

/**
 * The columns of a data set's rows, in word order: `label`, then for each step dense features and tables. A step prefixes its
 * columns with `<step>.`; a bag of L > 1 ids has columns `<table>[0]` .. `<table>[L - 1]`.
 */
export function columnsOf(layout: RowLayout, dense: readonly string[], tables: readonly string[]): Column[] {
  const columns: Column[] = [{ name: "label", word: 0, kind: "label" }];
  const perStep = layout.denseFeatures + idsPerStep(layout);
  for (let step = 0; step < Math.max(1, layout.steps); step++) {
    const prefix = layout.steps > 0 ? `${step}.` : "";
    let word = 1 + step * perStep;
    for (const name of dense) columns.push({ name: prefix + name, word: word++, kind: "dense" });
    for (const [t, name] of tables.entries()) {
      const count = layout.hotness[t];
      for (let l = 0; l < count; l++) {
        columns.push({ name: `${prefix}${name}${count > 1 ? `[${l}]` : ""}`, word: word++, kind: "id" });
      }
    }
  }
  return columns;
}

/** Names of the dense features: those of the raw log where it is known, else `dense1` .. `denseF`. */
export function denseNames({ source, layout }: Pick<PreparedData, "source" | "layout">): string[] {
  const fields =
    source === "custom" || source === "schema" || source === "taobao" ? [] : rawFormats[source].line.fields;
  const named = fields.filter(({ kind }) => kind === "count" || kind === "hour").map(({ name }) => name);
  if (named.length === layout.denseFeatures) return named;
  return Array.from({ length: layout.denseFeatures }, (_, f) => `dense${f + 1}`);
}
