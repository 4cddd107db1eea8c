import { createRequire } from "node:module";

/**
 * tfjs-node 4.22 calls `util.isNullOrUndefined`, which Node 23 removed. Puts it back, once, where it is missing.
 * @returns whether anything was changed
 */
export function restoreIsNullOrUndefined(): boolean {
  const util = createRequire(import.meta.url)("node:util") as { isNullOrUndefined?: (value: unknown) => boolean };
  if (util.isNullOrUndefined) return false;
  util.isNullOrUndefined = (value) => value === null || value === undefined;
  return true;
}
