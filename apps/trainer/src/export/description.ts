import { DataError, type IdMapping, idDifference, idRules, type LogName, logNames, noRow } from "@fae/core";
import { rawFormats } from "@fae/datasets";
import type { Safetensors } from "@fae/embedding-store";
import { z } from "zod";
import { keyNotation, type ModelKeys } from "../predict/model-keys.js";
import type { SavedModel } from "../predict/saved-model.js";

/** Key of the description among the metadata of ONNX and safetensors files. */
export const descriptionKey = "fae";

const count = z.int().nonnegative();

/** What another program must know to use exported weights: what goes in, in which order, and how a raw key becomes an id. */
export const descriptionSchema = z.looseObject({
  format: z.literal("fae-model"),
  version: z.literal(1),
  model: z.string(),
  step: count,
  /** Log that the model was trained on. */
  source: z.enum(logNames),
  dense: z.object({
    /** Names of the values of a step, in order; null where the data set has none. */
    columns: z.array(z.string()).nullable(),
    count,
    /** `log1p`: ln(x + 1) of a count x of at least 0. `float32`: the number itself. */
    encoding: z.enum(["log1p", "float32"]),
    meaning: z.string(),
  }),
  /** Steps of a sequence; 0: none. */
  steps: count,
  ids: z.object({
    noRow: z.literal(noRow),
    meaning: z.string(),
    /** In the order of the ids of a step. Without a digest an older checkpoint did not say what its ids mean. */
    tables: z.array(
      z.object({
        table: z.string(),
        /** Tensor with its rows. */
        tensor: z.string(),
        rows: count,
        idsPerStep: count,
        rule: z.enum(idRules).nullable(),
        modulo: z.int().positive().nullable(),
        keys: z.enum(["hex", "decimal", "text"]).nullable(),
        /** Id of a missing value and of an unknown key. */
        missing: z.int(),
        digest: z.string().nullable(),
      }),
    ),
    /** File of lines `table<TAB>key<TAB>id` beside the weights; null: none is needed, or none could be written. */
    vocabulary: z.string().nullable(),
  }),
  output: z.object({
    /** Share of the training inputs without a click that were kept; 1: all. */
    keptNegatives: z.number(),
    meaning: z.string(),
  }),
});

export type Description = z.infer<typeof descriptionSchema>;

/**
 * Describes a model for export.
 * @param keys what its ids mean; null: it does not say, and its data set is gone
 * @param missing by table: id of key 0, -1 for none
 * @param vocabulary name of the file of keys
 */
export function describe(
  { checkpoint, program, layout, keptNegatives }: SavedModel,
  keys: ModelKeys | null,
  missing: readonly number[],
  vocabulary: string | null,
): Description {
  const source = keys?.ids.source ?? "custom";
  const isLog = layout.denseEncoding === "int32-log1p";
  return {
    format: "fae-model",
    version: 1,
    model: program.name,
    step: checkpoint.manifest.step,
    source,
    dense: {
      columns: denseColumns(source, layout.denseFeatures),
      count: layout.denseFeatures,
      encoding: isLog ? "log1p" : "float32",
      meaning: isLog
        ? "ln(x + 1) of each count x; a missing or negative count is 0"
        : "the numbers of the data set as they are, finite",
    },
    steps: layout.steps,
    ids: {
      noRow,
      meaning:
        `table by table, for each as many as idsPerStep; ${noRow} adds no row (zeros), any other number outside 0 to rows - 1 is an error. ` +
        "rule vocabulary: the id of a key is in the vocabulary file, taken modulo first where modulo is given; modulo: the key as " +
        "unsigned 32 bits modulo that; schema: what the schema of the log makes of the value (hash, buckets, part of the time); numbers: the ids of the data set. A missing value is key 0; an unknown key has the id 'missing'.",
      tables: program.tables.map(({ name, rows }, t) => {
        const ids = keys?.ids.tables[t];
        return {
          table: ids?.table ?? name,
          tensor: name,
          rows,
          idsPerStep: layout.hotness[t],
          rule: ids?.rule ?? null,
          modulo: ids?.modulo ?? null,
          keys: keys && ids?.rule === "vocabulary" ? keyNotation(keys.ids, t) : null,
          missing: missing[t],
          digest: ids?.digest ?? null,
        };
      }),
      vocabulary,
    },
    output: {
      keptNegatives,
      meaning:
        keptNegatives === 1
          ? "probability: the sigmoid of the logit"
          : `training kept a share k = ${keptNegatives} of the inputs without a click: a score p of the network is p / (p + (1 - p) / k) where nothing is left out`,
    },
  };
}

/** Names of the dense values of a log; null where its data set has others. */
function denseColumns(source: LogName, features: number): string[] | null {
  if (source === "custom" || source === "schema") return null;
  const { fields } = rawFormats[source].line;
  const names = fields.filter(({ kind }) => kind === "count" || kind === "hour").map(({ name }) => name);
  return names.length === features ? names : null;
}

/**
 * Compares what a file of weights says of its ids with those of a data set.
 * @returns what the file says; null when it says nothing, as one of another program
 * @throws DataError when the file is damaged or of other ids, naming the table
 */
export function expectIds({ path, metadata }: Safetensors, ids: IdMapping | undefined): Description | null {
  const description = descriptionOf(path, metadata);
  const found = description === null ? null : mappingOf(description);
  if (found === null || ids === undefined) return null;
  const difference = idDifference(found, ids);
  if (difference === null) return description;
  throw new DataError(`'${path}' has ids that do not mean the rows of this data set: ${difference}.`, {
    fix: "Use data with the ids of the model that was exported, or weights of this data set.",
    details: { path, found, expected: ids },
  });
}

/** For a message, when a file says nothing of its ids. */
export const idsNotStated = "the file does not say what its ids mean: they are taken as those of the data set";

function mappingOf({ source, ids }: Description): IdMapping | null {
  const tables = ids.tables.flatMap(({ table, rows, rule, modulo, digest }) =>
    rule === null || digest === null ? [] : [{ table, rows, rule, modulo, digest }],
  );
  return tables.length === ids.tables.length ? { source, tables } : null;
}

function descriptionOf(path: string, metadata: Safetensors["metadata"]): Description | null {
  const text = metadata[descriptionKey];
  if (text === undefined) return null;
  const parsed = descriptionSchema.safeParse(jsonOf(text));
  if (!parsed.success)
    throw new DataError(`'${path}' has a damaged description '${descriptionKey}' in its metadata.`, {
      fix: "Export the model again.",
      details: { path },
      cause: parsed.error,
    });
  return parsed.data;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // not what the schema expects, which says so
  }
}
