import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { naming } from "@fae/core";
import type { RunEvent } from "./run-events.js";

/** The first bytes of a run's `metrics.jsonl`. */
export interface MetricsMark {
  readonly bytes: number;
  readonly sha256: string;
}

/** A run's `metrics.jsonl`. */
export interface EventsFile {
  /** Lines that a full disk does not take are kept in memory, and written with the next one that it takes. */
  append(event: RunEvent): void;
  /** Flushes the events so far. @throws what the disk says */
  mark(): MetricsMark;
  /** Everything so far, wherever the file is now. */
  bytes(): Uint8Array;
  /** Flushes what the disk takes. */
  close(): void;
}

/** Opens the file; what is behind the kept bytes is dropped. @throws Error ELOOP when it is a link */
export function eventsFile(path: string, kept: Uint8Array): EventsFile {
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o666);
  ftruncateSync(file, kept.length);
  const hash = createHash("sha256").update(kept);
  let written = kept.length;
  let waiting = Buffer.alloc(0);
  let isOpen = true;
  const write = (): void => {
    while (waiting.length > 0) {
      const bytes = naming(path, () => writeSync(file, waiting, 0, waiting.length, written));
      if (bytes === 0) throw Object.assign(new Error(`'${path}' takes no more bytes.`), { code: "ENOSPC", path });
      hash.update(waiting.subarray(0, bytes));
      written += bytes;
      waiting = waiting.subarray(bytes);
    }
  };
  const writeIfRoom = (): void => {
    try {
      write();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
  };
  return {
    append(event) {
      waiting = Buffer.concat([waiting, Buffer.from(`${JSON.stringify(event)}\n`)]);
      writeIfRoom();
    },
    mark() {
      write();
      naming(path, () => fsyncSync(file));
      return { bytes: written, sha256: hash.copy().digest("hex") };
    },
    bytes() {
      const all = Buffer.alloc(fstatSync(file).size);
      for (let at = 0; at < all.length; ) at += readSync(file, all, at, all.length - at, at);
      return Buffer.concat([all, waiting]);
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      writeIfRoom();
      naming(path, () => fsyncSync(file));
      closeSync(file);
    },
  };
}

export const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && ["ENOSPC", "EDQUOT", "ERR_DISK_FULL"].includes((error as NodeJS.ErrnoException).code ?? "");
