import type { Bytes } from "@fae/core";
import { totalBytes } from "../expected-traffic.js";
import type { Profile } from "../profile-schema.js";
import { percent, shortBytes, shortNumber } from "./numbers.js";

/** A profile as plain text: what is hot, table by table, what other thresholds would give, and the bytes of a batch. */
export function profileText(profile: Profile): string {
  const parts = [summary(profile), tableOfTables(profile), tableOfThresholds(profile)];
  if (profile.comparison !== null) parts.push(tableOfMethods(profile.comparison));
  if (profile.traffic !== null) parts.push(tableOfTraffic(profile.traffic));
  return `${parts.join("\n\n")}\n`;
}

function summary({ data, hotSet, tables, budgetBytes, sample, seconds, row, search }: Profile): string {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const counted =
    sample === null
      ? `all ${shortNumber(data.inputs)} inputs`
      : `a sample of ${shortNumber(sample.inputs)} of ${shortNumber(data.inputs)} inputs (${sample.ratePercent} %)`;
  const lines = [
    `Counted ${counted} in ${seconds.count.toFixed(2)} s; hot set chosen in ${seconds.choose.toFixed(2)} s, judged on ${shortNumber(hotSet.judgedInputs)} inputs in ${seconds.judge.toFixed(2)} s.`,
    `Hot: ${shortNumber(hotSet.rows)} of ${shortNumber(rows)} rows (${percent(hotSet.rows / rows)}), ${shortBytes(hotSet.bytes)} of ${shortBytes(budgetBytes)} at ${row.bytes} bytes per row.`,
    `They take ${percent(hotSet.accessShare)} of the accesses and make ${percent(hotSet.hotInputShare)} of the inputs hot.`,
  ];
  if (search !== null)
    lines.push(
      `Estimated ${shortNumber(search.estimatedRows)} hot rows, at most ${shortNumber(search.boundRows)}; found ${shortNumber(search.taggedRows)}${search.wasCut ? ", cut to the budget" : ""}.`,
    );
  return lines.join("\n");
}

const tableOfTables = ({ tables, hotSet }: Profile): string =>
  textTable(
    ["table", "rows", "seen", "hot rows", "hot", "of accesses", ""],
    tables.map((table, t) => [
      table.name,
      shortNumber(table.rows),
      shortNumber(table.seenRows),
      shortNumber(table.hotRows),
      percent(table.hotRows / table.rows),
      percent(table.hotAccessShare),
      hotSet.whole[t] ? "small, whole" : "",
    ]),
  );

const mostThresholds = 16;

function tableOfThresholds({ thresholds }: Profile): string {
  const step = Math.max(1, Math.ceil(thresholds.length / mostThresholds));
  const shown = thresholds.filter((_, i) => i % step === 0 || i === thresholds.length - 1);
  return textTable(
    ["accesses", "hot rows", "hot bytes", "of accesses", "hot inputs"],
    shown.map(({ accesses, hotRows, hotBytes, accessShare, hotInputShare }) => [
      `>= ${shortNumber(accesses)}`,
      shortNumber(hotRows),
      shortBytes(hotBytes),
      percent(accessShare),
      percent(hotInputShare),
    ]),
  );
}

function tableOfMethods({ sampled, exact, sampledTrueHotInputShare }: NonNullable<Profile["comparison"]>): string {
  const line = (name: string, way: typeof exact, truth: number) => [
    name,
    shortNumber(way.hotRows),
    shortBytes(way.hotBytes),
    percent(way.hotInputShare),
    percent(truth),
    `${(way.seconds.count + way.seconds.choose).toFixed(2)} s`,
  ];
  return textTable(
    ["method", "hot rows", "hot bytes", "hot inputs, predicted", "on all inputs", "count and choose"],
    [line("exact", exact, exact.hotInputShare), line("sampled", sampled, sampledTrueHotInputShare)],
  );
}

function tableOfTraffic(traffic: NonNullable<Profile["traffic"]>): string {
  const rows = Object.entries(traffic.bytes).map(([route, bytes]) => [
    route,
    shortBytes(totalBytes(bytes, "toDevice")),
    shortBytes(totalBytes(bytes, "toHost")),
    shortBytes(embeddingBytes(bytes)),
  ]);
  return [
    `Bytes of a batch of ${traffic.batch} inputs, mean of ${traffic.measuredBatches} batches: ${shortNumber(traffic.distinctRows)} distinct rows, ${shortNumber(traffic.coldRows)} of them cold.`,
    textTable(["route", "to device", "to host", "embeddings, both ways"], rows),
  ].join("\n");
}

/** Rows, their gradients and their optimizer state, both ways. */
export const embeddingBytes = ({ rows, rowState }: Bytes): number =>
  rows.toDevice + rows.toHost + rowState.toDevice + rowState.toHost;

/** Columns as wide as their widest cell; all but the first to the right. */
function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, c) => rows.reduce((most, cells) => Math.max(most, cells[c].length), title.length));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, c) => (c === 0 || c === 6 ? cell.padEnd(widths[c]) : cell.padStart(widths[c])))
      .join("  ")
      .trimEnd();
  return [line(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}
