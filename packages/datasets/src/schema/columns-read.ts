import type { LogSchema, SchemaPath } from "./log-schema.js";
import type { ReadColumn } from "./row-block.js";

/** What a row of a log is read for. */
export interface Purpose {
  /** To train: label, time, group and the column of the split are needed; to score only what an input is made of. */
  readonly isScoring: boolean;
}

/** Every column that is read, and where each part of the schema finds its own. */
export interface ColumnPlan {
  readonly columns: readonly ReadColumn[];
  /** Position in `columns`; -1 where the part needs none. */
  readonly label: number;
  readonly time: number;
  readonly group: number;
  readonly split: number;
  readonly dense: readonly number[];
  readonly tables: readonly number[];
}

/** Columns of a schema, each once. */
export function columnsRead(schema: LogSchema, { isScoring }: Purpose): ColumnPlan {
  const columns: ReadColumn[] = [];
  const position = (name: string | undefined, isList: boolean, path: SchemaPath): number => {
    if (name === undefined) return -1;
    const found = columns.findIndex((column) => column.name === name && column.isList === isList);
    return found >= 0 ? found : columns.push({ name, isList, isOptional: false, path }) - 1;
  };
  const isList = (list: object | true | undefined): boolean =>
    list === true || (list !== undefined && !("separator" in list && list.separator !== undefined));
  const usesTime = [...schema.dense, ...schema.tables].some(({ extract }) => extract !== undefined);
  const { label, time, group, split } = schema;
  return {
    columns,
    label: isScoring ? -1 : position(label.column, false, ["label", "column"]),
    time: isScoring && !usesTime ? -1 : position(time?.column, false, ["time", "column"]),
    group: isScoring ? -1 : position(group, false, ["group"]),
    split: isScoring || split.by !== "column" ? -1 : position(split.column, false, ["split", "column"]),
    dense: schema.dense.map(({ column, sequence }, i) => position(column, isList(sequence), ["dense", i, "column"])),
    tables: schema.tables.map(({ column, list, sequence, type, buckets }, i) => {
      const at = position(column, isList(list ?? sequence), ["tables", i, "column"]);
      if (at >= 0 && type === "string" && !buckets) columns[at] = { ...columns[at], isKey: true };
      return at;
    }),
  };
}
