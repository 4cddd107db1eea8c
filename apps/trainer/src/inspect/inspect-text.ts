import type { TableIds } from "@fae/core";
import type { Manifest } from "@fae/datasets";
import type { CheckpointManifest } from "@fae/embedding-store";
import { profileText } from "@fae/profiler";
import { formatBytes, formatCount, formatShare, textTable } from "../cli/format.js";
import { trainText } from "../train/summary.js";
import type { Inspection, ShownInput } from "./inspect.js";

/** An inspection for people. */
export function inspectionText(found: Inspection): string {
  switch (found.kind) {
    case "prepared":
      return preparedText(found.manifest, found.digest, found.bytesPerInput, found.inputs);
    case "run":
      return trainText(found.report);
    case "checkpoint":
      return checkpointText(found.path, found.manifest);
    case "safetensors":
      return safetensorsText(found);
    case "profile":
      return profileText(found.profile).trimEnd();
  }
}

function safetensorsText({ tensors, metadata }: Extract<Inspection, { kind: "safetensors" }>): string {
  const table = textTable([
    ["tensor", "type", "shape", "bytes"],
    ...tensors.map(({ name, dtype, shape, byteLength }) => [
      name,
      dtype,
      `[${shape.join(", ")}]`,
      formatBytes(byteLength),
    ]),
  ]);
  const told = Object.entries(metadata).map(([key, value]) => `${key}: ${value}`);
  return told.length === 0 ? table : `${table}\n\n${told.join("\n")}`;
}

function preparedText(
  manifest: Manifest,
  digest: string,
  bytesPerInput: number,
  inputs: readonly ShownInput[],
): string {
  const { layout, tables, splits, lines, packed } = manifest;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const sequence = layout.steps > 0 ? `, ${layout.steps} steps` : "";
  const head = [
    `${manifest.source}: ${layout.denseFeatures} dense features, ${tables.length} tables, ${formatCount(rows)} rows${sequence}`,
    `${bytesPerInput} bytes per input, label rate ${formatShare(manifest.labelRate)}, digest ${digest.slice(0, 16)}`,
  ];
  if (lines.total > 0) head.push(`${formatCount(lines.total)} raw lines, ${lines.rejected} rejected`);
  if (packed) {
    const hot = packed.hotRows.reduce((sum, n) => sum + n, 0);
    head.push(
      `packed for ${formatBytes(packed.budgetBytes)}: ${formatCount(hot)} hot rows of ${packed.rowBytes} bytes`,
    );
  }
  const splitRows = Object.entries(splits).flatMap(([name, split]) =>
    split === undefined
      ? []
      : [[name, String(split.rows), split.rows === 0 ? "-" : formatShare(split.positives / split.rows)]],
  );
  const tableRows = tables.map((table, t) => [
    table.name,
    String(table.rows),
    String(layout.hotness[t]),
    packed ? String(packed.hotRows[t]) : "-",
    table.ids ? idsText(table.ids) : "-",
  ]);
  return [
    head.join("\n"),
    textTable([["split", "inputs", "label rate"], ...splitRows]),
    textTable([["table", "rows", "ids per input", "hot rows", "meaning of ids"], ...tableRows]),
    inputs.map(inputText).join("\n"),
    (manifest.warnings ?? []).map(({ message }) => `Warning: ${message}`).join("\n"),
  ]
    .filter((text) => text !== "")
    .join("\n\n");
}

/** Equal texts, all but surely equal meanings: messages name ids so. */
const idsText = ({ rule, digest }: Pick<TableIds, "rule" | "digest">): string => `${rule} ${digest.slice(0, 12)}`;

const inputText = ({ split, row, label, dense, ids }: ShownInput): string =>
  `${split}[${row}] label ${label}\n  dense ${dense.map((x) => Number(x.toPrecision(4))).join(" ")}\n  ids   ${ids.join(" ")}`;

function checkpointText(path: string, { program, optimizer, step, files, ids }: CheckpointManifest): string {
  const rows = program.tables.reduce((sum, table) => sum + table.rows, 0);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return [
    `${path}: ${program.name} after ${step} updates, optimizer ${optimizer.name}`,
    `${program.tables.length} tables, ${formatCount(rows)} rows x ${program.width}, ${formatBytes(bytes)} in ${files.length} files`,
    ids
      ? `ids of ${ids.source}: ${ids.tables.map((table) => `${table.table} ${idsText(table)}`).join(", ")}`
      : "it does not say what its ids mean: an older version of FAE wrote it",
    "",
    textTable([
      ["file", "bytes", "tensors"],
      ...files.map((f) => [f.name, formatBytes(f.bytes), String(f.tensors.length)]),
    ]),
  ].join("\n");
}
