import type { Manifest } from "../manifest.js";
import type { RawFormat } from "../raw-format.js";
import type { PartRecord } from "./part.js";
import type { Warning } from "./warnings.js";

type Splits = Manifest["splits"];

/** Splits that cannot be scored: without an input, or with one class alone. `reasons`: why a held-out split has so few. */
export function degenerateSplits(splits: Splits, reasons: Readonly<Record<"val" | "test", string>>): Warning[] {
  return (["train", "val", "test"] as const).flatMap((name) => {
    const { rows, positives } = splits[name] ?? { rows: 0, positives: 0 };
    if (rows > 0 && positives > 0 && positives < rows) return [];
    const reason = name === "train" ? "Give more of the log." : reasons[name];
    const effect = name === "train" ? "a model learns nothing but that" : "AUC is undefined there";
    if (rows === 0) return { code: "empty-split", message: `Split '${name}' has no inputs. ${reason}` };
    const label = positives === 0 ? 0 : 1;
    const message = `All ${rows} inputs of split '${name}' have label ${label}: ${effect}. ${reason}`;
    return { code: "one-class", message };
  });
}

/** Columns that tell a model nothing: every input has the same value. */
export function constantColumns(
  format: RawFormat,
  parts: readonly PartRecord[],
  tables: Manifest["tables"],
): Warning[] {
  const kept = parts.filter((part) => part.kept > 0);
  const dense = format.line.fields.filter(({ kind }) => kind === "count" || kind === "hour");
  const constant = dense.flatMap(({ name }, column) => {
    const [value, ...others] = kept.map(({ constants }) => constants[column] ?? null);
    return value !== null && others.every((other) => other === value) ? [`${name} (${value})`] : [];
  });
  const single = tables.filter(({ rows, vocabulary }) => vocabulary !== null && rows === 1).map(({ name }) => name);
  const columns = [...constant, ...single];
  if (columns.length === 0) return [];
  const message = `Every input has the same value in ${columns.join(", ")}: a model learns nothing from that.`;
  return [{ code: "constant-column", message }];
}
