import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { disk } from "@fae/embedding-store";
import { expectFree } from "../train/run-directory.js";

/** A file that becomes visible under its name when it is written whole, or never. */
export interface StagedFile {
  readonly path: string;
  write(bytes: Uint8Array): Promise<void>;
  /** Flushes, renames and makes the name durable. What was there before is replaced. */
  commit(): Promise<void>;
  /** Removes what was written. Harmless after `commit`. */
  discard(): Promise<void>;
}

/** Refuses a name that is taken and makes the directory that a new file goes to. @throws ConfigError */
export function freshPath(path: string): void {
  expectFree(path);
  mkdirSync(dirname(resolve(path)), { recursive: true });
}

/** Writes to `<path>.partial`; one that a killed process left is replaced. */
export async function stageFile(path: string): Promise<StagedFile> {
  const beside = `${path}.partial`;
  await disk.remove(beside);
  const file = await disk.create(beside);
  let isOpen = true;
  const close = async () => {
    if (isOpen) await file.close();
    isOpen = false;
  };
  return {
    path,
    write: (bytes) => file.write(bytes),
    async commit() {
      await file.sync();
      await close();
      await disk.rename(beside, path);
      await disk.syncDirectory(dirname(path));
    },
    async discard() {
      await close();
      await disk.remove(beside);
    },
  };
}
