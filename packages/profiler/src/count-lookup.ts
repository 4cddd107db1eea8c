import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { DataError } from "@fae/core";
import { countsName } from "./profile-file.js";
import type { Profile } from "./profile-schema.js";

/** Single access counts of a profile, read from its file one by one: it may be larger than memory, and is not verified. */
export interface CountLookup {
  /** @throws DataError when the file ends before it */
  count(table: number, id: number): number;
  close(): void;
}

/** Opens the counts beside a profile. For those of many rows `readCounts` is faster, and verifies them. */
export function openCounts(directory: string, { tables }: Pick<Profile, "tables">): CountLookup {
  const path = join(directory, countsName);
  const file = openSync(path, "r");
  const first: number[] = [];
  tables.reduce((before, { rows }) => {
    first.push(before);
    return before + rows;
  }, 0);
  const bytes = Buffer.alloc(4);
  const known = tables.map(() => new Map<number, number>());
  return {
    count(table, id) {
      const found = known[table].get(id);
      if (found !== undefined) return found;
      if (readSync(file, bytes, 0, 4, 4 * (first[table] + id)) < 4)
        throw new DataError(`'${path}' ends before the count of row ${id} of table '${tables[table].name}'.`, {
          fix: "Profile the data set again.",
          details: { path, table: tables[table].name, row: id },
        });
      const count = bytes.readUInt32LE();
      known[table].set(id, count);
      return count;
    },
    close: () => closeSync(file),
  };
}
