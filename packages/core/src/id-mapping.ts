/** Logs that data sets are made of; `schema`: one that its schema describes; `custom`: any other. */
export const logNames = ["criteo-kaggle", "criteo-terabyte", "avazu", "taobao", "custom", "schema"] as const;
export type LogName = (typeof logNames)[number];

/**
 * What makes an id of a raw key: its place in a list of keys; the key modulo a number; what the
 * schema of the log makes of its value (hash, buckets, part of the time); or nobody knows: ids came as numbers.
 */
export const idRules = ["vocabulary", "modulo", "schema", "numbers"] as const;
export type IdRule = (typeof idRules)[number];

/** What the ids of one table mean, in original ids: packing changes nothing here. */
export interface TableIds {
  /** Name in the data set, such as C1. */
  readonly table: string;
  readonly rows: number;
  readonly rule: IdRule;
  /** Keys are taken modulo this first; null: they are taken as they are. */
  readonly modulo: number | null;
  /** sha256 of log, rule, modulo and, of a vocabulary, all keys in the order of their ids, of a schema how it makes ids. Equal digests: equal keys have equal ids. */
  readonly digest: string;
}

/** What ids mean, table by table in the order of the layout. It ties weights to data: equal mappings, whatever the inputs, go together. */
export interface IdMapping {
  /** Log that the keys are of: the same key of two logs means two things. */
  readonly source: LogName;
  readonly tables: readonly TableIds[];
}

/**
 * How two mappings differ, for a message: the first table whose ids mean other rows, what it has and what was expected.
 * @returns null when they are equal
 */
export function idDifference(found: IdMapping, expected: IdMapping): string | null {
  if (found.source !== expected.source) return `the ids are of ${found.source}, expected ${expected.source}`;
  if (found.tables.length !== expected.tables.length)
    return `there are ${found.tables.length} tables, expected ${expected.tables.length}`;
  const differing = expected.tables.flatMap((table, t) => (found.tables[t].digest === table.digest ? [] : [t]));
  if (differing.length === 0) return null;
  const [first] = differing;
  const [theirs, ours] = [found.tables[first], expected.tables[first]];
  const others = differing.length > 1 ? ` (${differing.length} of ${expected.tables.length} tables differ)` : "";
  return `table '${theirs.table}' has ${textOf(theirs)}, expected ${textOf(ours)}${others}`;
}

const textOf = ({ rule, rows, modulo, digest }: TableIds): string => {
  if (rule === "modulo") return `keys modulo ${modulo}`;
  if (rule === "schema") return `${rows} ids that a schema makes (digest ${digest.slice(0, 12)})`;
  const short = `digest ${digest.slice(0, 12)}`;
  if (rule === "numbers") return `${rows} ids whose keys are not known (${short})`;
  return `a vocabulary of ${rows} keys${modulo === null ? "" : ` modulo ${modulo}`} (${short})`;
};
