import { createReadStream, readSync, statfsSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { existing, FaeError } from "@fae/core";
import { withFile } from "./files.js";
import type { SourceFile } from "./raw-files.js";
import type { Settings } from "./settings.js";

/** Refuses to begin what cannot fit: `needBytes` on the file system of `path`. @throws FaeError `ERR_DISK_FULL` */
export function requireSpace(path: string, needBytes: number): void {
  const { bavail, bsize } = statfsSync(path);
  const freeBytes = bavail * bsize;
  if (needBytes <= freeBytes) return;
  throw new FaeError(
    "ERR_DISK_FULL",
    `The data set needs about ${gigabytes(needBytes)}, the disk of '${path}' has ${gigabytes(freeBytes)} free.`,
    { fix: "Free space or choose a directory on another disk.", details: { path, needBytes, freeBytes } },
  );
}

/** `requireSpace` for a prepare: intermediate and final rows, estimated from the first lines of the first file. */
export async function checkSpace(settings: Settings, files: readonly SourceFile[]): Promise<void> {
  const [first] = files;
  const { text, ratio } = await firstText(first);
  const lines = linesIn(text) || 1;
  const textBytes = files.reduce((sum, { bytes, isGzip }) => sum + bytes * (isGzip ? ratio : 1), 0);
  const inputs = (textBytes / Math.max(1, text.length)) * lines;
  const words = settings.format.line.fields.length;
  const copies = settings.randomize === "none" ? 2 : 3;
  requireSpace(existing(settings.directory), inputs * words * 4 * copies);
}

function linesIn(text: Uint8Array): number {
  let lines = 0;
  for (let at = text.indexOf(10); at >= 0; at = text.indexOf(10, at + 1)) lines++;
  return lines;
}

/** The beginning of a file's text, and how many bytes of text one byte of the file gives. */
export async function firstText({
  path,
  isGzip,
  bytes,
}: Pick<SourceFile, "path" | "isGzip" | "bytes">): Promise<{ text: Uint8Array; ratio: number }> {
  const sampleBytes = Math.min(bytes, 1 << 20);
  if (!isGzip) {
    const text = Buffer.alloc(sampleBytes);
    return {
      text: text.subarray(
        0,
        withFile(path, "r", (file) => readSync(file, text, 0, sampleBytes, 0)),
      ),
      ratio: 1,
    };
  }
  const chunks: Buffer[] = [];
  let textBytes = 0;
  const input = createReadStream(path, { end: sampleBytes - 1 });
  const gunzip = createGunzip();
  try {
    for await (const chunk of input.pipe(gunzip)) {
      chunks.push(chunk);
      textBytes += chunk.length;
      if (textBytes >= mostSampleText) break;
    }
  } catch {
    // The sample ends in the middle of the compressed data; a broken file is found, and named, when it is read.
  } finally {
    input.destroy();
  }
  return { text: Buffer.concat(chunks), ratio: textBytes / Math.max(1, gunzip.bytesWritten) };
}

/** However well the beginning of a file is compressed, no more of its text is looked at. */
const mostSampleText = 8 << 20;

/** The error to show for a full disk or quota; null for any other error. */
export function diskFull(error: unknown, path: string): FaeError | null {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code !== "ENOSPC" && code !== "EDQUOT") return null;
  return new FaeError("ERR_DISK_FULL", `The disk of '${path}' is full.`, {
    fix: `Free space and repeat the call to go on, or delete '${path}'.`,
    details: { path },
    cause: error,
  });
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 1e9 ? 3 : 1)} GB`;
