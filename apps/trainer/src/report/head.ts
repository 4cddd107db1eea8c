import { formatBytes, formatCount, formatMetric, formatSeconds, formatShare } from "../cli/format.js";
import type { Metrics } from "../train/metrics.js";
import type { TrainReport } from "../train/report.js";
import type { StartEvent } from "../train/run-events.js";
import type { RateChange } from "../train/training-state.js";
import { tableHtml } from "./figure.js";
import { grouped } from "./figures/shared.js";
import { type Html, html } from "./html.js";
import { paceOf, type RunView } from "./run-view.js";
import { batchesOf, type Slice } from "./slice.js";

/** How a run stands. */
export type Standing =
  | { readonly kind: "preparing" | "running" }
  | {
      readonly kind: "finished";
      /** Of the whole run, opening and evaluation included. */
      readonly totalSeconds: number;
      readonly metrics: { readonly val: Metrics | null; readonly test: Metrics | null };
      /** Which weights these are of; null of a run that does not say it. */
      readonly kept: TrainReport["kept"] | null;
    }
  | { readonly kind: "interrupted" }
  | { readonly kind: "failed"; readonly message: string }
  /** Neither finished nor at work: killed, or on another machine. `lastAt` is when its last line was written, ISO 8601. */
  | { readonly kind: "stopped"; readonly lastAt: string };

const words: Readonly<Record<Standing["kind"], string>> = {
  preparing: "Preparing",
  running: "Running",
  finished: "Finished",
  interrupted: "Interrupted",
  failed: "Failed",
  stopped: "Stopped",
};

interface Tile {
  readonly name: string;
  readonly value: string;
  readonly more: string;
}

export const shareText = (view: RunView): string => {
  const { share } = paceOf(view);
  return share === null ? "" : `${Math.floor(100 * share)} %`;
};

/** What is trained, how far it is and how it does. */
export function headHtml(view: RunView, standing: Standing): Html {
  const { start, whole } = view;
  const { share } = paceOf(view);
  const isOpen = standing.kind === "running" || standing.kind === "preparing";
  const title = start === null ? "A training run" : start.model;
  return html`<header>
<div class="top"><h1>${title}${start && html` <span class="soft">${start.strategy}</span>`}</h1>
<p class="standing is-${standing.kind}">${words[standing.kind]}${isOpen && share !== null && ` · ${shareText(view)}`}</p></div>
${start && html`<p class="soft">${subtitle(view)}</p>`}
${standing.kind === "failed" && html`<p class="bad">${standing.message}</p>`}
${standing.kind === "stopped" && html`<p class="note">The run is not finished, and nothing writes to it: its last line is of ${shortTime(standing.lastAt)}. Where it has checkpoints, fae train --resume goes on from the last one.</p>`}
${share !== null && standing.kind !== "finished" && html`<progress max="1000" value="${Math.round(1000 * share)}" aria-label="Inputs trained">${shareText(view)}</progress>`}
${whole && html`<dl class="tiles">${tiles(view, standing).map(({ name, value, more }) => html`<div><dt>${name}</dt><dd>${value}<small>${more}</small></dd></div>`)}</dl>`}
${standing.kind === "preparing" && html`<p class="note">Opening data and engine. Figures appear with the first segment of batches.</p>`}
</header>`;
}

const subtitle = ({ start }: RunView): string =>
  start === null
    ? ""
    : `${start.data} · ${grouped(start.batch)} inputs per batch · ${start.optimizer}, rate ${+start.learningRate.toPrecision(4)} · ${grouped(start.epochs)} ${start.epochs === 1 ? "epoch" : "epochs"}`;

export const shortTime = (iso: string): string => iso.replace("T", " ").replace(/\..*$/, " UTC");

function tiles(view: RunView, standing: Standing): Tile[] {
  const { start, whole, tests, testSeconds } = view;
  if (whole === null) return [];
  const pace = paceOf(view);
  const tested = tests.items.at(-1);
  return [
    {
      name: "Steps",
      value: grouped(whole.to),
      more: start ? `of ${grouped(start.stepsTotal)}, epoch ${whole.epoch + 1}` : `epoch ${whole.epoch + 1}`,
    },
    {
      name: "Inputs per second",
      value: rounded(pace.inputsPerSecond),
      more: standing.kind === "running" ? `lately ${rounded(pace.latestInputsPerSecond)}` : "in training segments",
    },
    standing.kind === "running"
      ? {
          name: "Time left",
          value: pace.secondsLeft === null ? "–" : roughTime(pace.secondsLeft),
          more: `spent ${roughTime(whole.seconds + testSeconds)}`,
        }
      : {
          name: "Time",
          value: roughTime(standing.kind === "finished" ? standing.totalSeconds : whole.seconds + testSeconds),
          more: `training ${roughTime(whole.seconds)}`,
        },
    aucTile(view, standing),
    {
      name: "Loss",
      value: formatMetric(view.slices.items[view.slices.items.length - 1].loss, 4),
      more: tested?.logLoss == null ? "training" : `held out ${formatMetric(tested.logLoss, 4)}`,
    },
    heatTile(whole, start),
    { name: "Engine", value: start?.engine ?? "–", more: start?.machine ?? "" },
  ];
}

function aucTile({ best }: RunView, standing: Standing): Tile {
  if (best !== null)
    return { name: "Best AUC", value: formatMetric(best.auc, 4), more: `at step ${grouped(best.step)}` };
  const { val, test } = standing.kind === "finished" ? standing.metrics : { val: null, test: null };
  return {
    name: "AUC",
    value: formatMetric((val ?? test)?.auc ?? null, 4),
    more: val ? "on validation" : test ? "on test" : "no test yet",
  };
}

/** How much is hot. */
function heatTile(whole: Slice, start: StartEvent | null): Tile {
  const batches = batchesOf(whole);
  const more = start?.hotRows == null ? "no table is split" : `${formatCount(start.hotRows)} hot rows`;
  if (whole.routes.mixed === batches)
    return { name: "Cold rows a batch", value: rounded((whole.cold.fetched ?? 0) / batches), more };
  const hot = (whole.routes.hot ?? 0) + (whole.routes.device ?? 0);
  return hot > 0 && hot < batches
    ? { name: "Hot batches", value: formatShare(hot / batches), more }
    : { name: "Route", value: Object.keys(whole.routes).join(", "), more };
}

const rounded = (count: number): string => (count < 9999.5 ? grouped(count) : formatCount(Math.round(count)));

const roughTime = (seconds: number): string =>
  formatSeconds(seconds < 10 ? seconds : Math.round(seconds)).replace(/^(\d+)\.0 s/, "$1 s");

/** Quality on whole held-out splits, of the weights that are kept. */
export function qualityHtml(standing: Standing): Html | null {
  if (standing.kind !== "finished") return null;
  const rows = Object.entries(standing.metrics).flatMap(([split, found]) => (found ? [qualityRow(split, found)] : []));
  if (rows.length === 0) return null;
  const columns = ["split", "inputs", "AUC", "log loss", "accuracy", "norm. entropy", "calibration"];
  return html`<section class="panel wide"><h2>Quality of the trained model</h2>${tableHtml({ columns, rows }, "Quality per split")}${standing.kept && html`<p class="soft">${keptText(standing.kept)}</p>`}</section>`;
}

const keptText = ({ weights, step }: TrainReport["kept"]): string =>
  weights === "best"
    ? `Weights of the best test, at step ${grouped(step)}.`
    : `Weights of the last step, ${grouped(step)}.`;

const qualityRow = (split: string, found: Metrics): string[] => [
  split === "val" ? "validation" : split,
  grouped(found.inputs),
  ...[found.auc, found.logLoss, found.accuracy, found.normalizedEntropy].map((value) => formatMetric(value)),
  formatMetric(found.calibration, 3),
];

const rateText = ({ step, from, to }: RateChange): string => `from ${from} to ${to} at step ${grouped(step)}`;

/** What was trained on what. */
export function factsHtml({ start, resumedAt, rateChanges, slices }: RunView): Html | null {
  if (start === null) return null;
  const isThinned = slices.unit > 1;
  const rows = [
    [
      "model",
      `${start.model}: ${grouped(start.rows)} rows of ${start.width} values (${formatBytes(4 * start.rows * start.width)}), ${grouped(start.parameters)} dense parameters`,
    ],
    ["strategy", `${start.strategy}: ${start.routes.join(", ")}`],
    ["hot rows", start.hotRows === null ? "none: no table is split" : grouped(start.hotRows)],
    ["engine", `${start.engine}: ${start.machine}`],
    [
      "memory at the start",
      `${formatBytes(start.hostBytes)} on the host, ${formatBytes(start.deviceBytes)} on the device`,
    ],
    ["data", start.data],
    [start.step > 0 ? "last resumed" : "started", shortTime(start.startedAt)],
    ...(resumedAt.length > 0 ? [["resumed at steps", resumedAt.map(grouped).join(", ")]] : []),
    ...(rateChanges.length > 0 ? [["learning rate changed", rateChanges.map(rateText).join(", ")]] : []),
    ["version", `fae ${start.fae}`],
  ];
  return html`<section class="panel facts"><h2>The run</h2>
<table><tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table>
${isThinned && html`<p class="note">The run is long: each point of a curve stands for at least ${grouped(slices.unit)} batches in a row, their sums or means.</p>`}
</section>`;
}
