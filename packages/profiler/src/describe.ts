import { classifyInputs } from "./classify-inputs.js";
import { atLeast, mergeCountOfCounts } from "./count-of-counts.js";
import { type AccessCurve, accessCurve, logGrid } from "./curves.js";
import { expectedTraffic } from "./expected-traffic.js";
import { isHotRow } from "./hot-set.js";
import { hotInputShare } from "./judge-inputs.js";
import type { Measured } from "./measure.js";
import { type ProfileOptions, rowBytes, smallTables, sourceOf } from "./profile-options.js";
import { type Profile, profileVersion } from "./profile-schema.js";

/** Everything of a profile that one method tells. */
export function describeMeasured(measured: Measured, options: ProfileOptions): Omit<Profile, "comparison"> {
  const { data, width, stateValues, budgetBytes, split = "train" } = options;
  const { counted, histograms, hotSet, calibration, judged } = measured;
  const source = sourceOf(options);
  const isSample = counted.sample !== null && counted.sample.ratePercent < 100;
  const curves = histograms.map((histogram) => accessCurve(histogram, isSample));
  const accesses = histograms.reduce((sum, histogram) => sum + histogram.accesses, 0);
  const hotShares = curves.map((curve, t) => (hotSet.whole[t] ? 1 : curve.share(hotSet.hotRows[t])));
  const hotAccesses = hotShares.reduce((sum, share, t) => sum + share * histograms[t].accesses, 0);
  const hotShare = judged.inputs === 0 ? 0 : judged.hot / judged.inputs;
  return {
    format: "fae-profile",
    version: profileVersion,
    data: {
      digest: data.digest,
      source: data.source,
      split,
      inputs: source.rows,
      ...(data.ids && { ids: { source: data.ids.source, tables: data.ids.tables.map((table) => ({ ...table })) } }),
    },
    method: measured.method,
    sample: counted.sample === null ? null : { ...counted.sample, inputs: counted.inputs },
    row: { width, stateValues, bytes: rowBytes(options) },
    budgetBytes,
    smallTableBytes: smallTables(options),
    hotSet: {
      hotRows: [...hotSet.hotRows],
      rows: hotSet.rows,
      bytes: hotSet.bytes,
      whole: [...hotSet.whole],
      threshold: hotSet.threshold,
      lastTie: [...hotSet.lastTie],
      accessShare: accesses === 0 ? 0 : Math.min(1, hotAccesses / accesses),
      hotInputShare: hotShare,
      judgedInputs: judged.inputs,
    },
    tables: data.tables.map(({ name, rows }, t) => {
      const points = logGrid(curves[t].seenRows);
      return {
        name,
        rows,
        seenRows: curves[t].seenRows,
        accesses: histograms[t].accesses,
        hotRows: hotSet.hotRows[t],
        hotAccessShare: Math.min(1, hotShares[t]),
        curve: { rows: points, share: points.map((at) => Math.min(1, curves[t].share(at))) },
      };
    }),
    thresholds: thresholdsOf(measured, options, curves),
    search:
      calibration === null
        ? null
        : {
            steps: calibration.steps.map((step) => ({ ...step })),
            estimatedRows: calibration.estimatedRows,
            boundRows: calibration.boundRows,
            taggedRows: calibration.taggedRows,
            wasCut: calibration.wasCut,
          },
    traffic: trafficOf(measured, options, hotShare),
    seconds: measured.seconds,
  };
}

/** Hot rows, bytes, accesses and inputs at thresholds spread evenly over the logarithm of the access counts. */
function thresholdsOf(
  { counted, histograms, hotSet, judged }: Measured,
  options: ProfileOptions,
  curves: readonly AccessCurve[],
): Profile["thresholds"] {
  const large = mergeCountOfCounts(histograms.filter((_, t) => !hotSet.whole[t]));
  const smallRows = counted.tables.reduce((sum, { rows }, t) => sum + (hotSet.whole[t] ? rows : 0), 0);
  const accesses = histograms.reduce((sum, histogram) => sum + histogram.accesses, 0);
  const scale = counted.totalInputs / counted.inputs;
  return logGrid(large.counts[0] ?? 0)
    .reverse()
    .map((threshold) => {
      const hotRows = smallRows + atLeast(large, threshold).rows;
      const hotAccesses = histograms.reduce(
        (sum, histogram, t) => sum + histogram.accesses * (hotSet.whole[t] ? 1 : curves[t].shareAt(threshold)),
        0,
      );
      return {
        accesses: threshold * scale,
        hotRows,
        hotBytes: hotRows * rowBytes(options),
        accessShare: Math.min(1, hotAccesses / accesses),
        hotInputShare: hotInputShare(judged, threshold),
      };
    });
}

function trafficOf({ counted, hotSet }: Measured, options: ProfileOptions, hotShare: number): Profile["traffic"] {
  const { traffic, width, stateValues, seed = 0 } = options;
  if (traffic === undefined) return null;
  const { batch, parameters, lookAhead = 2 } = traffic;
  const isHot = (table: number, id: number): boolean => isHotRow(counted.counts[table][id], hotSet, table, id);
  return {
    batch,
    parameters,
    lookAhead,
    ...expectedTraffic({
      source: sourceOf(options),
      isHot,
      hotInputShare: hotShare,
      width,
      stateValues,
      batch,
      parameters,
      lookAhead,
      seed,
    }),
  };
}

/** The two methods side by side; the sampled hot set is judged on all inputs. */
export async function compareMethods(
  one: Measured,
  two: Measured,
  options: ProfileOptions,
): Promise<Profile["comparison"]> {
  const [sampled, exact] = one.method === "sampled" ? [one, two] : [two, one];
  const choice = ({ hotSet, judged, seconds }: Measured) => ({
    hotRows: hotSet.rows,
    hotBytes: hotSet.bytes,
    hotInputShare: judged.inputs === 0 ? 0 : judged.hot / judged.inputs,
    seconds,
  });
  const { hot, inputs } = await classifyInputs({
    source: sourceOf(options),
    tables: options.data.tables,
    counts: sampled.counted.counts,
    hotSet: sampled.hotSet,
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return { sampled: choice(sampled), exact: choice(exact), sampledTrueHotInputShare: hot / inputs };
}
