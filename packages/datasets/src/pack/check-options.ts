import { ConfigError, DataError, PlanError } from "@fae/core";
import { type Manifest, manifestDigest } from "../manifest.js";
import type { PackOptions } from "./options.js";

/** @throws ConfigError, DataError, PlanError: see `pack`. */
export function checkOptions(options: PackOptions, manifest: Manifest): void {
  const { data, hotRows, madeFrom, budgetBytes, rowBytes, workers = 1, partBytes = 1 } = options;
  if (data.packed !== null)
    throw new ConfigError(`'${data.directory}' is packed already.`, {
      fix: "Another budget needs no new pack: hot is id < hotRows. To use another order, pack the original data set.",
      details: { path: data.directory, packedFrom: data.packed.from },
    });
  if (manifestDigest(manifest) !== data.digest)
    throw new DataError(`'${data.directory}' has changed since it was opened.`, {
      fix: "Open it again.",
      details: { path: data.directory, expected: data.digest, found: manifestDigest(manifest) },
    });
  if (madeFrom !== data.digest)
    throw new DataError(
      `The access counts were made from data ${madeFrom.slice(0, 12)}, '${data.directory}' is ${data.digest.slice(0, 12)}.`,
      {
        fix: "Profile this data set, or pack the one that the profile was made from.",
        details: { path: data.directory, expected: data.digest, found: madeFrom },
      },
    );
  positive("workers", workers);
  positive("partBytes", partBytes);
  data.tables.forEach(({ name, rows }, t) => {
    if (hotRows.length === data.tables.length && Number.isInteger(hotRows[t]) && hotRows[t] >= 0 && hotRows[t] <= rows)
      return;
    throw new PlanError(
      `Table "${name}" has ${rows} rows and cannot have ${hotRows[t]} hot ones (${hotRows.length} numbers for ${data.tables.length} tables).`,
      {
        fix: "Profile this data set and pack with what that gives.",
        details: { table: name, rows, found: hotRows[t] },
      },
    );
  });
  const needBytes = rowBytes * hotRows.reduce((sum, rows) => sum + rows, 0);
  if (Number.isInteger(rowBytes) && rowBytes > 0 && needBytes <= budgetBytes) return;
  throw new PlanError(`The hot rows need ${needBytes} bytes (${rowBytes} per row), the budget is ${budgetBytes}.`, {
    fix: `Raise the budget to ${needBytes} bytes, or profile again with this budget.`,
    details: { needBytes, budgetBytes, rowBytes },
  });
}

function positive(option: string, found: number): void {
  if (Number.isInteger(found) && found >= 1) return;
  throw new ConfigError(`Option ${option} is ${found}, expected a whole number of at least 1.`, {
    fix: "Leave the option out to use its default.",
    details: { option, found },
  });
}
