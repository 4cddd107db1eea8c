import { AsyncLocalStorage } from "node:async_hooks";
import { crc32 } from "node:zlib";

/** Bytes `[from, from + bytes)` of a file and their CRC-32, the one of gzip and zip. */
export interface Written {
  readonly path: string;
  readonly from: number;
  readonly bytes: number;
  readonly crc32: number;
}

/** zlib takes an empty piece for the start of a new sum. */
export const sumOf = (bytes: Uint8Array, before = 0): number => (bytes.length === 0 ? before : crc32(bytes, before));

const ledger = new AsyncLocalStorage<Written[]>();

/** Runs a task and collects what it writes through `writeAt` and sinks of `files.ts`. */
export async function collectingWrites<A>(task: () => A): Promise<{ value: Awaited<A>; written: readonly Written[] }> {
  const written: Written[] = [];
  return { value: await ledger.run(written, task), written };
}

/** Tells the task that is running of bytes that were written; those that follow on others of the file join them. */
export function noteBytes(path: string, from: number, bytes: Uint8Array): void {
  const written = ledger.getStore();
  if (written === undefined || bytes.length === 0) return;
  const last = written.findLastIndex((range) => range.path === path);
  const before = written[last];
  if (before !== undefined && before.from + before.bytes === from)
    written[last] = { ...before, bytes: before.bytes + bytes.length, crc32: sumOf(bytes, before.crc32) };
  else written.push({ path, from, bytes: bytes.length, crc32: sumOf(bytes) });
}

/** The same for a range whose sum is known. */
export const noteRange = (range: Written): void => void ledger.getStore()?.push(range);
