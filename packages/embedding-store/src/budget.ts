import { ConfigError, checkArguments, is, type OptimizerName, rowStateValues } from "@fae/core";

/** Bytes of one row of width D with its optimizer state, all float32: what one hot row takes of a budget. */
export const rowBytes = (width: number, optimizer: OptimizerName): number =>
  4 * (width + rowStateValues(optimizer, width));

/** Bytes of a hot set: rows of all tables with their optimizer state. */
export const hotSetBytes = (hotRows: readonly number[], width: number, optimizer: OptimizerName): number =>
  hotRows.reduce((sum, rows) => sum + rows, 0) * rowBytes(width, optimizer);

const units: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};

/**
 * Reads "268435456", "256MiB", "1.5 GiB" or "2GB" (powers of ten without the i); upper or lower case.
 * @throws ConfigError for anything else, and when it is no whole number of bytes.
 */
export function parseBytes(text: string): number {
  checkArguments("parseBytes", { text: [text, is.text] });
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const bytes = number === undefined ? Number.NaN : Number(number) * (units[unit.toUpperCase()] ?? Number.NaN);
  if (!Number.isSafeInteger(bytes))
    throw new ConfigError(`'${text}' is not a number of bytes.`, {
      fix: "Write for example 268435456, 256MiB or 1.5GiB.",
      details: { found: text },
    });
  return bytes;
}

/** Bytes for people, three digits or the whole number: "256 MiB", "1.5 GiB", "64 B". */
export function formatBytes(bytes: number): string {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let name = 0;
  while (Math.abs(value) >= 1024 && name < names.length - 1) {
    value /= 1024;
    name++;
  }
  return `${name === 0 ? value : Number(value.toPrecision(3))} ${names[name]}`;
}
