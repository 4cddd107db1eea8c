import { dataKinds, is, type Kind } from "@fae/core";

const { a, call, flag, having, list, maybe, number, oneOf, options, orNull, signal, whole } = is;

const counts = list(a("Uint32Array"));
/** Of which the call itself says the range. */
const any = number("a number");
const workers = maybe(whole(1, 1024));
const rule = maybe(orNull(options({ ratePercent: any, seed: whole() })));
const hotSet = having("what chooseHotSet returns", { whole: list(flag), lastTie: list(any), threshold: any });
const watched = { workers, signal: maybe(signal), progress: maybe(call) };

/** Any number: one that no row fits in is a PlanError, which says what would. */
const budgetBytes: Kind = (found, option) =>
  typeof found === "number" ? undefined : { option, found, expected: "a number of bytes" };

/** What the options of the public calls may be. */
export const profileKinds = {
  data: dataKinds.prepared,
  split: maybe(dataKinds.split),
  width: any,
  stateValues: any,
  budgetBytes,
  smallTableBytes: maybe(any),
  method: maybe(oneOf(["exact", "sampled"])),
  ratePercent: maybe(any),
  seed: maybe(any),
  compare: maybe(flag),
  traffic: maybe(options({ batch: any, parameters: any, lookAhead: maybe(any) })),
  ...watched,
};

export const countKinds = {
  tables: list(having("a table", { rows: any })),
  hotness: maybe(list(whole(1))),
  sample: rule,
  ...watched,
};

export const judgeKinds = {
  source: dataKinds.rows,
  tables: dataKinds.tables,
  counts,
  hotSet,
  sample: rule,
  exclude: rule,
  ...watched,
};

export const classifyKinds = {
  source: dataKinds.rows,
  tables: dataKinds.tables,
  hotRows: maybe(list(whole())),
  counts: maybe(counts),
  hotSet: maybe(hotSet),
  wantsBits: maybe(flag),
  ...watched,
};

export const trafficOptionKinds = {
  source: dataKinds.rows,
  isHot: call,
  hotInputShare: number("a share from 0 to 1", (share) => share >= 0 && share <= 1),
  width: whole(1),
  stateValues: whole(),
  batch: whole(1),
  parameters: whole(),
  lookAhead: whole(),
  seed: whole(),
};

export const budgetKinds = {
  rowBytes: whole(1),
  budgetBytes,
  smallTableBytes: maybe(whole()),
};

export const chunkKinds = {
  chunks: maybe(whole(1)),
  chunkRows: maybe(whole(1)),
  confidence: maybe(number("above 0, below 1", (share) => share > 0 && share < 1)),
  seed: maybe(whole()),
};

const histograms = list(having("what countOfCounts returns", { counts: a("Float64Array"), rows: a("Float64Array") }));

/** Counts and histograms of the same tables. */
export const countsAndHistograms = (found: unknown, ofThem: unknown) => ({
  counts: [found, counts] as const,
  histograms: [ofThem, histograms] as const,
});
