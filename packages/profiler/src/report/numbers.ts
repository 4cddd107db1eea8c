/** Numbers as people read them. */

/** 1234567 as "1.23 M". */
export function shortNumber(value: number): string {
  for (const [unit, size] of [
    ["G", 1e9],
    ["M", 1e6],
    ["k", 1e3],
  ] as const)
    if (value >= size) return `${trimmed(value / size)} ${unit}`;
  return trimmed(value);
}

/** 268435456 as "256 MiB". */
export function shortBytes(bytes: number): string {
  for (const [unit, size] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ] as const)
    if (bytes >= size) return `${trimmed(bytes / size)} ${unit}`;
  return `${trimmed(bytes)} B`;
}

/** 0.8153 as "81.53 %". */
export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** Three significant digits, without needless zeros. */
const trimmed = (value: number): string => (value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3))));
