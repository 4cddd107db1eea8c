import { listSeparator } from "./row-block.js";

/** Values of one cell: first byte and the byte after it of each. */
export interface Elements {
  count: number;
  ranges: Int32Array;
}

/** What stands between the values of a cell. */
export function separatorOf(list: true | { readonly separator?: string | undefined } | undefined): Uint8Array {
  const separator = list === true ? undefined : list?.separator;
  return separator === undefined ? Uint8Array.of(listSeparator) : Buffer.from(separator);
}

/** Cuts a cell into its values; a missing or an empty one has none. */
export function splitCell(bytes: Uint8Array, start: number, end: number, separator: Uint8Array, out: Elements): void {
  out.count = 0;
  if (start < 0 || start === end) return;
  const first = separator[0];
  const more = separator.length - 1;
  let from = start;
  for (let at = start; at < end; at++) {
    if (bytes[at] !== first || (more > 0 && !isAt(bytes, at, end, separator))) continue;
    add(out, from, at);
    at += more;
    from = at + 1;
  }
  add(out, from, end);
}

function isAt(bytes: Uint8Array, at: number, end: number, separator: Uint8Array): boolean {
  if (at + separator.length > end) return false;
  for (let i = 1; i < separator.length; i++) if (bytes[at + i] !== separator[i]) return false;
  return true;
}

function add(out: Elements, start: number, end: number): void {
  if (2 * out.count === out.ranges.length) {
    const more = new Int32Array(Math.max(16, 2 * out.ranges.length));
    more.set(out.ranges);
    out.ranges = more;
  }
  out.ranges[2 * out.count] = start;
  out.ranges[2 * out.count++ + 1] = end;
}
