import { type Bytes, idRules, layoutLimits, logNames, type RouteName, trafficKinds } from "@fae/core";
import { z } from "zod";

/** Versions of the file format that this release reads. 2: with what ids mean. */
export const profileVersions = [1, 2] as const;
/** The one that it writes. */
export const profileVersion = 2;

const count = z.int().nonnegative();
const share = z.number().min(0).max(1);
const amount = z.number().nonnegative();
const directions = z.strictObject({ toDevice: amount, toHost: amount });
const bytes: z.ZodType<Bytes> = z.strictObject(
  Object.fromEntries(trafficKinds.map((kind) => [kind, directions])) as Record<
    (typeof trafficKinds)[number],
    typeof directions
  >,
);
const routes = ["host", "hybrid", "server", "fae", "mixed", "hot", "device"] as const satisfies readonly (
  | RouteName
  | "fae"
)[];

const seconds = z.strictObject({ count: amount, choose: amount, judge: amount });

const idMapping = z.strictObject({
  source: z.enum(logNames),
  tables: z.array(
    z.strictObject({
      table: z.string(),
      rows: count,
      rule: z.enum(idRules),
      modulo: count.nullable(),
      digest: z.string(),
    }),
  ),
});

/** One way of choosing a hot set, and what came of it. */
const choice = z.strictObject({
  hotRows: count,
  hotBytes: count,
  /** As the method itself predicts it: all inputs, or inputs outside the sample. */
  hotInputShare: share,
  seconds,
});

/**
 * A profile: which rows are hot under a budget, and the curves that the choice rests on. It belongs to one data set, named by
 * its digest. Access counts themselves are kept beside it.
 */
export const profileSchema = z.strictObject({
  format: z.literal("fae-profile"),
  version: z.literal(profileVersions),
  data: z.strictObject({
    digest: z.string(),
    source: z.string(),
    split: z.string(),
    inputs: count,
    /** What the ids of the counted rows mean (`IdMapping` of core); older profiles lack it. */
    ids: idMapping.optional(),
  }),
  method: z.enum(["exact", "sampled"]),
  /** The counted inputs, when they are a sample. */
  sample: z.strictObject({ ratePercent: z.number().gt(0).lte(100), seed: count, inputs: count }).nullable(),
  /** D, optimizer state values per row, and bytes of both. */
  row: z.strictObject({ width: z.int().positive(), stateValues: count, bytes: z.int().positive() }),
  budgetBytes: count,
  smallTableBytes: count,
  hotSet: z.strictObject({
    /** By table: the first so many rows in popularity order. */
    hotRows: z.array(count),
    rows: count,
    bytes: count,
    /** By table: hot as a whole because it is small. */
    whole: z.array(z.boolean()),
    /** Rows with more accesses (as counted) are hot, those with as many up to the id `lastTie` of their table. */
    threshold: count,
    lastTie: z.array(z.int().gte(-1)),
    /** Share of all accesses, and of inputs, that are hot; judged on `judgedInputs` inputs. */
    accessShare: share,
    hotInputShare: share,
    judgedInputs: count,
  }),
  tables: z.array(
    z.strictObject({
      name: z.string(),
      rows: z.int().positive().max(layoutLimits.rows),
      /** Rows that were accessed, and their accesses, as counted. */
      seenRows: count,
      accesses: count,
      hotRows: count,
      hotAccessShare: share,
      /** Share of accesses that the most accessed `rows[i]` rows take. */
      curve: z.strictObject({ rows: z.array(count), share: z.array(share) }),
    }),
  ),
  /** What each threshold would make hot, small tables whole; thresholds in accesses of the whole data, falling. */
  thresholds: z.array(
    z.strictObject({ accesses: amount, hotRows: count, hotBytes: count, accessShare: share, hotInputShare: share }),
  ),
  /** How the sampled method came to its threshold. */
  search: z
    .strictObject({
      steps: z.array(
        z.strictObject({
          fraction: amount,
          threshold: count,
          estimatedRows: amount,
          boundBytes: count,
          fits: z.boolean(),
        }),
      ),
      estimatedRows: amount,
      boundRows: amount,
      taggedRows: count,
      wasCut: z.boolean(),
    })
    .nullable(),
  /** The sampled method against the exact one, and what the sampled hot set is really worth on all inputs. */
  comparison: z.strictObject({ sampled: choice, exact: choice, sampledTrueHotInputShare: share }).nullable(),
  /** Bytes of one mean training batch on every route. */
  traffic: z
    .strictObject({
      batch: z.int().positive(),
      parameters: count,
      lookAhead: count,
      measuredBatches: count,
      distinctRows: amount,
      coldRows: amount,
      fetchedRows: amount,
      forwardedRows: amount,
      bytes: z.strictObject(
        Object.fromEntries(routes.map((route) => [route, bytes])) as Record<(typeof routes)[number], typeof bytes>,
      ),
    })
    .nullable(),
  seconds,
});

export type Profile = z.infer<typeof profileSchema>;
