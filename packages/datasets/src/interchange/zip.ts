import { type FileHandle, open, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { crc32, createDeflateRaw, createInflateRaw } from "node:zlib";
import { DataError, expectFile, writeFullyTo } from "@fae/core";

/** One file of a zip archive, from its central directory. */
export interface ZipEntry {
  readonly name: string;
  readonly isDeflated: boolean;
  readonly bytes: number;
  readonly compressedBytes: number;
  readonly crc: number;
  /** Where its local header starts. */
  readonly offset: number;
}

const localMagic = 0x04034b50;
const centralMagic = 0x02014b50;
const endMagic = 0x06054b50;
const end64Magic = 0x06064b50;
const full = 0xffffffff;

/** A directory of hundreds of thousands of arrays. */
const mostDirectoryBytes = 32 << 20;

const broken = (path: string, what: string): DataError =>
  new DataError(`'${path}' is not a readable zip archive: ${what}.`, {
    fix: "Copy or write it again.",
    details: { path },
  });

/** Reads the list of files of an archive, ZIP64 included. @throws DataError */
export async function readZipEntries(path: string): Promise<ZipEntry[]> {
  expectFile(path);
  const file = await open(path, "r").catch((cause: Error) => {
    throw new DataError(`'${path}' cannot be opened: ${cause.message}.`, {
      fix: "Check the path and its permissions.",
      details: { path },
      cause,
    });
  });
  try {
    const { size } = await file.stat();
    const tail = await readAt(file, path, Math.max(0, size - 66_000), Math.min(size, 66_000));
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
    if (end < 0 || tail.length - end < 22 || tail.readUInt32LE(end) !== endMagic)
      throw broken(path, "no central directory");
    let count = tail.readUInt16LE(end + 10);
    let bytes = tail.readUInt32LE(end + 12);
    let at = tail.readUInt32LE(end + 16);
    if (count === 0xffff || bytes === full || at === full) {
      if (end < 20) throw broken(path, "no ZIP64 locator");
      const end64 = await readAt(file, path, Number(tail.readBigUInt64LE(end - 20 + 8)), 56);
      if (end64.readUInt32LE(0) !== end64Magic) throw broken(path, "bad ZIP64 directory");
      count = Number(end64.readBigUInt64LE(32));
      bytes = Number(end64.readBigUInt64LE(40));
      at = Number(end64.readBigUInt64LE(48));
    }
    if (at + bytes > size) throw broken(path, "its directory lies beyond its end");
    if (bytes > mostDirectoryBytes) throw broken(path, `its directory has ${bytes} bytes`);
    return parseDirectory(path, await readAt(file, path, at, bytes), count);
  } finally {
    await file.close();
  }
}

function parseDirectory(path: string, directory: Buffer, count: number): ZipEntry[] {
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count; ) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== centralMagic)
      throw broken(path, "bad directory entry");
    const method = directory.readUInt16LE(at + 10);
    const nameBytes = directory.readUInt16LE(at + 28);
    const extraBytes = directory.readUInt16LE(at + 30);
    const name = directory.toString("utf8", at + 46, at + 46 + nameBytes);
    if (method !== 0 && method !== 8)
      throw broken(path, `'${name}' uses compression method ${method}, expected 0 or 8`);
    const extra = directory.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes);
    const fields = [24, 20, 42].map((field) => directory.readUInt32LE(at + field));
    const [bytes, compressedBytes, offset] = withZip64(path, fields, extra);
    entries.push({
      name,
      isDeflated: method === 8,
      bytes,
      compressedBytes,
      offset,
      crc: directory.readUInt32LE(at + 16),
    });
    at += 46 + nameBytes + extraBytes + directory.readUInt16LE(at + 32);
  }
  return entries;
}

/** Sizes and offset with the 64-bit values of the extra field where the 32-bit ones are full. */
function withZip64(path: string, fields: readonly number[], extra: Buffer): number[] {
  if (!fields.includes(full)) return [...fields];
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let next = at + 4;
    return fields.map((field) => {
      if (field !== full) return field;
      if (next + 8 > extra.length) throw broken(path, "short ZIP64 field");
      next += 8;
      return Number(extra.readBigUInt64LE(next - 8));
    });
  }
  throw broken(path, "no ZIP64 field");
}

/** The bytes of one file of an archive, in pieces; length and checksum are verified at the end. @throws DataError */
export async function* readZipEntry(path: string, entry: ZipEntry): AsyncGenerator<Buffer> {
  const file = await open(path, "r");
  try {
    const header = await readAt(file, path, entry.offset, 30);
    if (header.readUInt32LE(0) !== localMagic) throw broken(path, `'${entry.name}' has no header`);
    const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
    const raw = readRange(file, path, start, entry.compressedBytes);
    const source = Readable.from(raw);
    const pieces = entry.isDeflated ? source.pipe(createInflateRaw({ chunkSize: pieceBytes })) : source;
    source.on("error", (error) => pieces.destroy(error));
    let bytes = 0;
    let crc = 0;
    for await (const piece of pieces) {
      crc = checksum(piece, crc);
      bytes += piece.length;
      yield piece;
    }
    if (bytes !== entry.bytes || crc !== entry.crc) throw broken(path, `'${entry.name}' fails its checksum`);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw code?.startsWith("Z_") ? broken(path, `'${entry.name}' is corrupt (${code})`) : error;
  } finally {
    await file.close();
  }
}

const pieceBytes = 1 << 18;

/** zlib takes an empty piece for the start of a new checksum. */
const checksum = (piece: Uint8Array, before: number): number => (piece.length === 0 ? before : crc32(piece, before));

async function* readRange(file: FileHandle, path: string, start: number, bytes: number): AsyncGenerator<Buffer> {
  for (let done = 0; done < bytes; done += pieceBytes) {
    yield await readAt(file, path, start + done, Math.min(pieceBytes, bytes - done));
  }
}

async function readAt(file: FileHandle, path: string, at: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  for (let done = 0; done < bytes; ) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, at + done);
    if (bytesRead === 0) throw broken(path, "it is cut short");
    done += bytesRead;
  }
  return buffer;
}

/** An archive being written, file by file. Close it, or abandon it after an error. */
export interface ZipWriter {
  add(name: string, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, deflates: boolean): Promise<void>;
  /** Writes the directory and makes the archive durable. */
  close(): Promise<void>;
  abandon(): Promise<void>;
}

/** Creates an archive. It carries no times: equal contents give equal bytes. */
export async function openZip(path: string): Promise<ZipWriter> {
  await rm(path, { force: true });
  const file = await open(path, "wx");
  const entries: ZipEntry[] = [];
  let at = 0;
  const write = async (bytes: Uint8Array) => {
    await writeFullyTo(file, bytes, path, at);
    at += bytes.length;
  };
  return {
    async add(name, pieces, deflates) {
      const offset = at;
      await write(localHeader(name, deflates, 0, 0, 0));
      const start = at;
      let crc = 0;
      let bytes = 0;
      async function* counted(): AsyncGenerator<Uint8Array> {
        for await (const piece of pieces) {
          crc = checksum(piece, crc);
          bytes += piece.length;
          yield piece;
        }
      }
      if (deflates) {
        const source = Readable.from(counted());
        const deflate = createDeflateRaw();
        source.on("error", (error) => deflate.destroy(error));
        for await (const piece of source.pipe(deflate)) await write(piece);
      } else for await (const piece of counted()) await write(piece);
      const compressedBytes = at - start;
      const end = at;
      at = offset;
      await write(localHeader(name, deflates, crc, bytes, compressedBytes));
      at = end;
      entries.push({ name, isDeflated: deflates, bytes, compressedBytes, crc, offset });
    },
    async close() {
      const start = at;
      for (const entry of entries) await write(centralHeader(entry));
      await write(endOfDirectory(entries.length, start, at - start, at));
      await file.sync();
      await file.close();
    },
    abandon: () => file.close(),
  };
}

/** 1980-01-01, the earliest date that the format knows. */
const date = 0x21;

/** With 64-bit sizes always: they are not known when the header is written. */
function localHeader(name: string, deflates: boolean, crc: number, bytes: number, compressedBytes: number): Buffer {
  const text = Buffer.from(name);
  const header = Buffer.alloc(30 + text.length + 20);
  header.writeUInt32LE(localMagic, 0);
  header.writeUInt16LE(45, 4);
  header.writeUInt16LE(deflates ? 8 : 0, 8);
  header.writeUInt16LE(date, 12);
  header.writeUInt32LE(crc, 14);
  header.writeUInt32LE(full, 18);
  header.writeUInt32LE(full, 22);
  header.writeUInt16LE(text.length, 26);
  header.writeUInt16LE(20, 28);
  text.copy(header, 30);
  const extra = 30 + text.length;
  header.writeUInt16LE(1, extra);
  header.writeUInt16LE(16, extra + 2);
  header.writeBigUInt64LE(BigInt(bytes), extra + 4);
  header.writeBigUInt64LE(BigInt(compressedBytes), extra + 12);
  return header;
}

function centralHeader({ name, isDeflated, crc, bytes, compressedBytes, offset }: ZipEntry): Buffer {
  const text = Buffer.from(name);
  const header = Buffer.alloc(46 + text.length + 28);
  header.writeUInt32LE(centralMagic, 0);
  header.writeUInt16LE(45, 4);
  header.writeUInt16LE(45, 6);
  header.writeUInt16LE(isDeflated ? 8 : 0, 10);
  header.writeUInt16LE(date, 14);
  header.writeUInt32LE(crc, 16);
  header.writeUInt32LE(full, 20);
  header.writeUInt32LE(full, 24);
  header.writeUInt16LE(text.length, 28);
  header.writeUInt16LE(28, 30);
  header.writeUInt32LE(full, 42);
  text.copy(header, 46);
  const extra = 46 + text.length;
  header.writeUInt16LE(1, extra);
  header.writeUInt16LE(24, extra + 2);
  header.writeBigUInt64LE(BigInt(bytes), extra + 4);
  header.writeBigUInt64LE(BigInt(compressedBytes), extra + 12);
  header.writeBigUInt64LE(BigInt(offset), extra + 20);
  return header;
}

/** ZIP64 record, its locator, and the plain record that points at them. */
function endOfDirectory(count: number, start: number, bytes: number, at: number): Buffer {
  const end = Buffer.alloc(56 + 20 + 22);
  end.writeUInt32LE(end64Magic, 0);
  end.writeBigUInt64LE(44n, 4);
  end.writeUInt16LE(45, 12);
  end.writeUInt16LE(45, 14);
  end.writeBigUInt64LE(BigInt(count), 24);
  end.writeBigUInt64LE(BigInt(count), 32);
  end.writeBigUInt64LE(BigInt(bytes), 40);
  end.writeBigUInt64LE(BigInt(start), 48);
  end.writeUInt32LE(0x07064b50, 56);
  end.writeBigUInt64LE(BigInt(at), 64);
  end.writeUInt32LE(1, 72);
  end.writeUInt32LE(endMagic, 76);
  end.writeUInt16LE(0xffff, 84);
  end.writeUInt16LE(0xffff, 86);
  end.writeUInt32LE(full, 88);
  end.writeUInt32LE(full, 92);
  return end;
}
