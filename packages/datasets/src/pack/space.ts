import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { existing, type PreparedData, strideBytes } from "@fae/core";
import type { Manifest } from "../manifest.js";
import { requireSpace } from "../prepare/disk.js";

/** Bytes of a packed data set: all rows, with `classes` train once more as hot and cold, original ids, vocabularies. */
export function packedBytes({ layout, splits, tables }: PreparedData, manifest: Manifest, classes: boolean): number {
  const again = classes ? (splits.train?.rows ?? 0) : 0;
  const inputs = (["train", "val", "test"] as const).reduce((sum, name) => sum + (splits[name]?.rows ?? 0), 0);
  const ids = tables.reduce((sum, { rows }, t) => sum + (manifest.tables[t].vocabulary === null ? 1 : 2) * rows, 0);
  return (inputs + again) * strideBytes(layout) + 4 * ids;
}

/** Refuses to begin or go on when the disk cannot hold what is still to be written. @throws FaeError `ERR_DISK_FULL` */
export function requirePackSpace(directory: string, totalBytes: number): void {
  requireSpace(existing(directory), Math.max(0, totalBytes - allocatedBytes(`${directory}.partial`)));
}

function allocatedBytes(path: string): number {
  if (!existsSync(path)) return 0;
  const entry = statSync(path);
  if (!entry.isDirectory()) return 512 * entry.blocks;
  return readdirSync(path).reduce((sum, name) => sum + allocatedBytes(join(path, name)), 0);
}
