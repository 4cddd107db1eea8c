import { stages, trafficKinds } from "@fae/core";
import { formatBytes, formatCount, formatMetric, formatSeconds, formatShare, textTable } from "../cli/format.js";
import type { Metrics } from "./metrics.js";
import { aucHints } from "./quality-hints.js";
import { hotShare, type TrainReport } from "./report.js";
import { allBytes } from "./totals.js";

/** One row per split. */
export function metricsTable(splits: Readonly<Record<string, Metrics | null>>): string {
  const rows = Object.entries(splits).flatMap(([split, found]) => (found ? [metricsRow(split, found)] : []));
  return textTable([["split", "inputs", "accuracy", "AUC", "log loss", "norm. entropy", "calibration"], ...rows]);
}

const metricsRow = (split: string, found: Metrics): string[] => [
  split,
  formatCount(found.inputs),
  formatMetric(found.accuracy),
  formatMetric(found.auc),
  formatMetric(found.logLoss),
  formatMetric(found.normalizedEntropy),
  formatMetric(found.calibration, 3),
];

/** Where the time went: one row per stage. Overlapped stages may add up to more than the total. */
export function latencyTable(report: TrainReport): string {
  const { train, stages: seconds } = report.seconds;
  const rows = stages
    .filter((stage) => seconds[stage] > 0)
    .map((stage) => [
      stage,
      formatSeconds(seconds[stage]),
      formatShare(train === 0 ? 0 : seconds[stage] / train),
      `${((1e3 * seconds[stage]) / Math.max(1, report.steps)).toFixed(3)} ms`,
    ]);
  return textTable([
    ["stage", "seconds", "of training", "per batch"],
    ...rows,
    [
      "training, wall",
      formatSeconds(train),
      formatShare(1),
      `${((1e3 * train) / Math.max(1, report.steps)).toFixed(3)} ms`,
    ],
  ]);
}

/** What crossed between host and device: one row per kind that moved per epoch of training, and all evaluations together. */
export function trafficTable(report: TrainReport): string {
  const { train, evaluate, trainPerEpoch } = report.bytes;
  if (allBytes(train) + allBytes(evaluate) === 0) return "No bytes moved between host and device.";
  const epochs = Math.max(1, trainPerEpoch.length);
  const moved = trafficKinds.filter((kind) => train[kind].toDevice + train[kind].toHost > 0);
  const evaluated = (direction: "toDevice" | "toHost"): number =>
    trafficKinds.reduce((sum, kind) => sum + evaluate[kind][direction], 0);
  return textTable([
    ["bytes per epoch", "to device", "to host"],
    ...moved.map((kind) => [
      kind,
      formatBytes(train[kind].toDevice / epochs),
      formatBytes(train[kind].toHost / epochs),
    ]),
    ["all evaluations", formatBytes(evaluated("toDevice")), formatBytes(evaluated("toHost"))],
  ]);
}

/** Which weights are scored, and whether a test found better ones. */
function keptText({ kept, tests, options }: TrainReport): string {
  if (kept.weights === "best") return `weights of the best test, after batch ${kept.step}`;
  const [best] = tests.filter(({ metrics }) => metrics.logLoss !== null).sort((a, b) => lossOf(a) - lossOf(b));
  const last = tests.findLast(({ step }) => step === kept.step);
  const isWorse = best !== undefined && last !== undefined && lossOf(best) < lossOf(last);
  if (!isWorse) return `weights after batch ${kept.step}, the last one`;
  const how = options.run === null ? "--run and --keep best keep" : "--keep best keeps";
  return `weights after batch ${kept.step}, the last one; hint: the test after batch ${best.step} was better, and ${how} its weights`;
}

const lossOf = ({ metrics }: TrainReport["tests"][number]): number => metrics.logLoss ?? Number.POSITIVE_INFINITY;

/** The whole report for people. */
export function trainText(report: TrainReport): string {
  const { plan, model, engine, options, seconds } = report;
  const rate = seconds.train > 0 ? report.inputs / seconds.train : 0;
  const share = hotShare(report);
  const facts = [
    `${model.name} (${formatCount(model.rows)} rows x ${model.width}, ${formatBytes(model.tableBytes)}; ` +
      `${formatCount(model.parameters)} dense parameters), strategy ${plan.strategy}, engine ${engine.name}`,
    `${report.steps} batches of ${options.batch}, ${formatCount(report.inputs)} inputs in ${formatSeconds(seconds.train)}: ` +
      `${formatCount(Math.round(rate))} inputs/s; evaluation ${formatSeconds(seconds.evaluate)}`,
  ];
  if (plan.hot)
    facts.push(`hot rows: ${formatCount(plan.hot.rows)}, ${formatBytes(plan.hot.bytes)} with optimizer state`);
  if (share !== null) facts.push(`hot inputs: ${formatShare(share)}, ${report.switches} switches`);
  if (report.rows.cold + report.rows.forwarded > 0) {
    facts.push(`cold rows: ${formatCount(report.rows.cold)} fetched, ${formatCount(report.rows.forwarded)} forwarded`);
  }
  for (const { step, from, to } of report.rateChanges)
    facts.push(`learning rate ${from} until batch ${step}, then ${to}`);
  facts.push(keptText(report));
  const parts = [facts.join("\n"), latencyTable(report), trafficTable(report)];
  const { val, test } = report.metrics;
  parts.push(val || test ? metricsTable({ val, test }) : "The data have no held-out split: no metrics.");
  parts.push(...aucHints({ val, test }));
  if (options.run) parts.push(`Written to ${options.run}`);
  return parts.join("\n\n");
}
