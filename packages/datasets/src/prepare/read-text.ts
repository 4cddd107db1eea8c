import { createHash } from "node:crypto";
import { createReadStream, readSync } from "node:fs";
import { finished } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { DataError } from "@fae/core";
import type { RawFormat } from "../raw-format.js";
import { lineScanner } from "../text/line-scanner.js";
import { withFile } from "./files.js";
import type { PartRecord, RawFile, ReadOptions } from "./part.js";
import { openPart, type PartMemory, type PartWriter } from "./part-writer.js";

/** Longer lines are rejected; the longest line of the known logs has about 400 bytes. */
const maxLineBytes = 65536;
const blockBytes = 1 << 20;

export interface ReadContext {
  readonly work: string;
  readonly format: RawFormat;
  readonly options: ReadOptions;
  readonly memory: PartMemory;
}

/** Reads one part of a plain file. @throws DataError when the file is shorter than it was. */
export function readPlainPart(context: ReadContext, raw: RawFile, part: number): PartRecord {
  const { partBytes } = context.options;
  const from = part * partBytes;
  const to = Math.min(raw.bytes, from + partBytes);
  const writer = openPart(context.work, context.format, context.options, context.memory, raw, part);
  try {
    // Begins one byte early: a line starts at `from` exactly when the byte before is a line end.
    const offset = part === 0 ? 0 : from - 1;
    const scanner = lineScanner({
      offset,
      skipsFirst: part > 0,
      maxLineBytes,
      onLine(bytes, start, end, at, isCrlf) {
        if (at >= to) return false;
        addLine(writer, raw, bytes, start, end, at, isCrlf);
        return true;
      },
      onLongLine(at) {
        if (at >= to) return false;
        writer.addLong(at);
        return true;
      },
    });
    withFile(raw.path, "r", (file) => {
      const block = Buffer.allocUnsafe(blockBytes);
      for (let at = offset; at < raw.bytes; ) {
        const n = readSync(file, block, 0, Math.min(block.length, raw.bytes - at), at);
        if (n === 0) throw shrunk(raw, at);
        if (!scanner.feed(block.subarray(0, n))) return;
        at += n;
        if (at >= to && scanner.lineOffset() >= to) return;
      }
      scanner.finish();
    });
    return writer.finish();
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

/**
 * Reads a gzip file front to back and cuts its text into parts; the first `done` parts are recorded already and only
 * skipped. Tells of every part that it finishes, with the bytes of the file read so far.
 *
 * @returns the number of parts and the digest of the file.
 * @throws DataError when the compressed data are cut short, corrupt or followed by something else.
 */
export async function readGzipFile(
  context: ReadContext,
  raw: RawFile,
  done: number,
  onPart: (record: PartRecord, bytesRead: number) => void,
): Promise<{ parts: number; sha256: string }> {
  const { work, format, options, memory } = context;
  const hash = createHash("sha256");
  let bytesRead = 0;
  let textBytes = 0;
  let part = done;
  let writer: PartWriter | null = null;

  const finishPart = () => {
    writer ??= openPart(work, format, options, memory, raw, part);
    const record = writer.finish();
    writer = null;
    part++;
    onPart(record, bytesRead);
  };
  /** The writer of the part in which a line at `offset` starts; null when that part is done. */
  const writerAt = (offset: number): PartWriter | null => {
    const wanted = Math.floor(offset / options.partBytes);
    if (wanted < part) return null;
    while (part < wanted) finishPart();
    writer ??= openPart(work, format, options, memory, raw, part);
    return writer;
  };
  const scanner = lineScanner({
    offset: 0,
    skipsFirst: false,
    maxLineBytes,
    onLine(bytes, start, end, at, isCrlf) {
      const open = writerAt(at);
      if (open) addLine(open, raw, bytes, start, end, at, isCrlf);
      return true;
    },
    onLongLine(at) {
      writerAt(at)?.addLong(at);
      return true;
    },
  });

  const gunzip = createGunzip({ chunkSize: blockBytes });
  const input = createReadStream(raw.path, { highWaterMark: blockBytes });
  input.on("data", (chunk) => {
    hash.update(chunk);
    bytesRead += chunk.length;
  });
  input.on("error", (error) => gunzip.destroy(error));
  input.pipe(gunzip);
  try {
    for await (const chunk of gunzip) {
      textBytes += chunk.length;
      scanner.feed(chunk);
    }
    // Padding behind the gzip data is no text, and part of the file's digest.
    input.unpipe(gunzip).resume();
    await finished(input);
    if (!isZero(raw, gunzip.bytesWritten)) throw brokenGzip(raw, textBytes, "TRAILING", undefined);
    scanner.finish();
    if (textBytes === 0) throw emptyFile(raw.path);
    while (part < Math.ceil(textBytes / options.partBytes)) finishPart();
  } catch (error) {
    (writer as PartWriter | null)?.abandon();
    input.destroy();
    const code = (error as NodeJS.ErrnoException).code;
    throw code?.startsWith("Z_") ? brokenGzip(raw, textBytes, code, error) : error;
  }
  return { parts: part, sha256: hash.digest("hex") };
}

/** Whether a file holds nothing but zeros from a byte on: what tapes and block devices pad with, and gzip leaves alone. */
function isZero(raw: RawFile, from: number): boolean {
  return withFile(raw.path, "r", (file) => {
    const block = Buffer.allocUnsafe(Math.min(blockBytes, raw.bytes - from));
    for (let at = from; at < raw.bytes; ) {
      const n = readSync(file, block, 0, Math.min(block.length, raw.bytes - at), at);
      if (n === 0 || block.subarray(0, n).some((byte) => byte !== 0)) return false;
      at += n;
    }
    return true;
  });
}

/** sha256 of a file, read front to back. */
export function digestFile(raw: RawFile): string {
  const hash = createHash("sha256");
  withFile(raw.path, "r", (file) => {
    const block = Buffer.allocUnsafe(blockBytes);
    for (let at = 0; at < raw.bytes; ) {
      const n = readSync(file, block, 0, Math.min(block.length, raw.bytes - at), at);
      if (n === 0) throw shrunk(raw, at);
      hash.update(block.subarray(0, n));
      at += n;
    }
  });
  return hash.digest("hex");
}

function addLine(
  writer: PartWriter,
  { form }: RawFile,
  bytes: Uint8Array,
  start: number,
  end: number,
  at: number,
  isCrlf: boolean,
): void {
  if (at === 0 && form.hasHeader) writer.skip(isCrlf);
  else writer.add(bytes, start, end, at, isCrlf);
}

export const emptyFile = (path: string): DataError =>
  new DataError(`'${path}' is empty.`, { fix: "Give a file with at least one line.", details: { path, found: 0 } });

const shrunk = (raw: RawFile, at: number): DataError =>
  new DataError(`'${raw.path}' ends at byte ${at}; it had ${raw.bytes} bytes when the work began.`, {
    fix: "Run again when nothing writes to it.",
    details: { path: raw.path, byteOffset: at, expected: raw.bytes, found: at },
  });

function brokenGzip(raw: RawFile, textBytes: number, code: string, cause: unknown): DataError {
  const what =
    code === "Z_BUF_ERROR"
      ? `is cut short: its compressed data end after ${textBytes} bytes of text`
      : code === "TRAILING"
        ? `holds something else after its compressed data (${textBytes} bytes of text)`
        : `is corrupt after ${textBytes} bytes of text (${cause instanceof Error ? cause.message : code})`;
  return new DataError(`'${raw.path}' ${what}.`, {
    fix: "Copy or download it again; 'gzip -t' tells whether it is whole.",
    details: { path: raw.path, byteOffset: textBytes, found: code },
    cause,
  });
}
