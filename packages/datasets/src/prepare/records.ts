import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "./files.js";

/**
 * What a finished unit of work leaves in the work directory: `<name>.json`, written after its data. A unit with a record is
 * never done again.
 */
export function writeRecord(directory: string, name: string, value: object): void {
  writeWhole(join(directory, `${name}.json`), JSON.stringify(value));
}

/** The record of a unit, null when it has not finished. `T` is what the same release wrote under the same plan. */
export function readRecord<T>(directory: string, name: string): T | null {
  const path = join(directory, `${name}.json`);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : null;
}
