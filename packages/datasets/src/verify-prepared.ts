import { open } from "node:fs/promises";
import { join } from "node:path";
import { DataError, FaeError } from "@fae/core";
import { filesOf } from "./manifest.js";
import { openPrepared, readManifest } from "./open-prepared.js";
import { sumOf } from "./prepare/written.js";

const blockBytes = 1 << 20;

/**
 * Reads every byte of a prepared data set and compares its files with the sums in its manifest.
 * @throws DataError naming the first file that is not what was written, or when the manifest has no sums; FaeError
 * `ERR_INTERRUPTED` when `signal` fired
 */
export async function verifyPrepared(directory: string, signal?: AbortSignal | null): Promise<void> {
  await openPrepared(directory);
  const manifest = await readManifest(directory);
  const { files } = manifest;
  if (files === undefined) {
    throw new DataError(`'${directory}' carries no sums of its files: it cannot be verified.`, {
      fix: "It was written by an earlier release; prepare or pack it again to have them.",
      details: { path: directory, version: manifest.version },
    });
  }
  for (const name of filesOf(manifest)) {
    const path = join(directory, name);
    const expected = files[name]?.crc32;
    const found = await sumOfFile(path, signal);
    if (found === expected) continue;
    throw new DataError(`'${path}' is not what was written: its CRC-32 is ${found}, the manifest says ${expected}.`, {
      fix: "Copy the data set again, or prepare it again.",
      details: { path, found, expected },
    });
  }
}

async function sumOfFile(path: string, signal?: AbortSignal | null): Promise<number> {
  const file = await open(path, "r");
  try {
    const block = Buffer.allocUnsafe(blockBytes);
    let sum = 0;
    for (;;) {
      if (signal?.aborted) throw new FaeError("ERR_INTERRUPTED", `Reading '${path}' was interrupted.`);
      const { bytesRead } = await file.read(block, 0, block.length, null);
      if (bytesRead === 0) return sum;
      sum = sumOf(block.subarray(0, bytesRead), sum);
    }
  } finally {
    await file.close();
  }
}
