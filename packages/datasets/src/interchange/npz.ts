import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { checkArguments, checkOptions, DataError, is, lockPath, syncPath, withPath } from "@fae/core";
import { npzKinds } from "../call-kinds.js";
import { elementsOf, type NpyHeader, type NpyType, npyHeader, npyTypes, parseNpyHeader } from "./npy.js";
import { openZip, readZipEntries, readZipEntry, type ZipEntry, type ZipWriter } from "./zip.js";

export type NpyData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint8Array
  | Int8Array;

/** An array of an `.npz` file, last index fastest. */
export interface NpyArray {
  readonly type: NpyType;
  readonly shape: readonly number[];
  readonly data: NpyData;
}

/** Reads the named arrays of an `.npz` file, or all, into memory. @throws DataError */
export async function readNpz(path: string, names?: readonly string[]): Promise<Record<string, NpyArray>> {
  checkArguments("readNpz", { path: [path, is.text], names: [names, is.maybe(is.list(is.text))] });
  const arrays: Record<string, NpyArray> = {};
  const entries = await npzEntries(path);
  for (const name of names ?? entries.keys()) {
    const entry = entryOf(path, entries, name);
    arrays[name] = await withNpy(path, entry, async (header, pieces) => {
      const { type, shape, isFortran } = header;
      const size = elementsOf(shape) * npyTypes[type].bytes;
      if (size > Math.min(mostArrayBytes, entry.bytes)) throw tooLarge(path, entry, shape, size);
      const bytes = Buffer.alloc(size);
      let at = 0;
      for await (const piece of pieces) at += piece.copy(bytes, at);
      const data = viewAs(type, bytes);
      return { type, shape, data: isFortran ? lastFastest(data, shape) : data };
    });
  }
  return arrays;
}

/** As much as one buffer holds everywhere. */
const mostArrayBytes = 2 ** 32 - 1;

const tooLarge = (path: string, { name, bytes }: ZipEntry, shape: readonly number[], size: number): DataError =>
  new DataError(
    `'${name}' of '${path}' has shape (${shape.join(", ")}), ${size} bytes; it holds ${bytes}, and at most ${mostArrayBytes} are read at once.`,
    { fix: "Write it again, or in smaller arrays.", details: { path, array: name, found: size, expected: bytes } },
  );

const headerKinds = { type: is.oneOf(Object.keys(npyTypes)), shape: is.list(is.whole()) };
const arrayKind = is.having("an array", { ...headerKinds, data: is.having("a typed array") });

export interface NpzOptions {
  /** Whether arrays are deflated; default true. */
  readonly compress?: boolean;
}

/** Writes arrays as `numpy.savez_compressed` does. The file appears whole or not at all. */
export async function writeNpz(
  path: string,
  arrays: Readonly<Record<string, NpyArray>>,
  options: NpzOptions = {},
): Promise<void> {
  checkArguments("writeNpz", { path: [path, is.text], arrays: [arrays, is.having("arrays by name")] });
  for (const [name, array] of Object.entries(arrays)) checkArguments("writeNpz", { [name]: [array, arrayKind] });
  checkOptions<NpzOptions>("writeNpz", options, npzKinds);
  const { compress = true } = options;
  await writeNpzStreams(
    path,
    Object.entries(arrays).map(([name, { type, shape, data }]) => {
      if (data.length !== elementsOf(shape)) {
        throw new DataError(
          `Array '${name}' has ${data.length} elements, its shape (${shape.join(", ")}) another number.`,
          {
            details: { array: name, found: data.length, expected: elementsOf(shape) },
          },
        );
      }
      return {
        name,
        header: { type, shape, isFortran: false },
        pieces: [Buffer.from(data.buffer, data.byteOffset, data.byteLength)],
      };
    }),
    compress,
  );
}

/** An array that is written piece by piece. */
export interface NpyStream {
  readonly name: string;
  readonly header: NpyHeader;
  readonly pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

export async function writeNpzStreams(path: string, arrays: readonly NpyStream[], compress: boolean): Promise<void> {
  const stream = is.having("an array to write", { name: is.text, header: is.having("a header", headerKinds) });
  checkArguments("writeNpzStreams", {
    path: [path, is.text],
    arrays: [arrays, is.list(stream)],
    compress: [compress, is.flag],
  });
  const temporary = `${path}.partial`;
  const lock = await lockPath(path);
  let zip: ZipWriter | null = null;
  try {
    await rm(temporary, { force: true });
    zip = await openZip(temporary);
    for (const { name, header, pieces } of arrays) await zip.add(`${name}.npy`, withHeader(header, pieces), compress);
    await zip.close();
    await rename(temporary, path);
    syncPath(dirname(path));
  } catch (error) {
    await zip?.abandon().catch(() => {});
    await rm(temporary, { force: true });
    throw withPath(error, path);
  } finally {
    lock.release();
  }
}

async function* withHeader(header: NpyHeader, pieces: NpyStream["pieces"]): AsyncGenerator<Uint8Array> {
  yield npyHeader(header);
  yield* pieces;
}

/** The arrays of an `.npz` file by name. */
export async function npzEntries(path: string): Promise<Map<string, ZipEntry>> {
  const entries = await readZipEntries(path);
  return new Map(entries.filter(({ name }) => name.endsWith(".npy")).map((entry) => [entry.name.slice(0, -4), entry]));
}

/** @throws DataError when there is no such array. */
export function entryOf(path: string, entries: ReadonlyMap<string, ZipEntry>, name: string): ZipEntry {
  const entry = entries.get(name);
  if (entry) return entry;
  throw new DataError(`'${path}' has no array '${name}', it has ${[...entries.keys()].join(", ")}.`, {
    fix: "Give the file that the reference wrote.",
    details: { path, expected: name, found: [...entries.keys()] },
  });
}

/** @throws DataError unless the shapes are equal. */
export function expectShape(path: string, name: string, found: readonly number[], expected: readonly number[]): void {
  if (found.length !== expected.length || found.some((size, axis) => size !== expected[axis])) {
    throw shapeError(path, name, found, expected);
  }
}

export const shapeError = (
  path: string,
  name: string,
  found: readonly number[],
  expected: readonly (number | string)[],
): DataError =>
  new DataError(`'${name}' of '${path}' has shape (${found.join(", ")}), expected (${expected.join(", ")}).`, {
    fix: "Give the file that belongs to this data set.",
    details: { path, array: name, found, expected },
  });

/**
 * Streams one array of an `.npz` file: `use` gets its header and the elements' bytes as they lie in the file, whose number is
 * checked when they are read to the end.
 * @throws DataError
 */
export async function withNpy<R>(
  path: string,
  entry: ZipEntry,
  use: (header: NpyHeader, pieces: AsyncGenerator<Buffer>) => R | Promise<R>,
): Promise<R> {
  const source = readZipEntry(path, entry);
  try {
    let start: Buffer = Buffer.alloc(0);
    let parsed = null;
    while (!parsed) {
      const next = await source.next();
      if (next.done) throw shortArray(path, entry.name, start.length, 12);
      start = Buffer.concat([start, next.value]);
      parsed = parseNpyHeader(start, entry.name);
    }
    const { header, headerBytes } = parsed;
    const expected = elementsOf(header.shape) * npyTypes[header.type].bytes;
    return await use(header, elements(path, entry.name, start.subarray(headerBytes), source, expected));
  } finally {
    await source.return(undefined);
  }
}

async function* elements(
  path: string,
  name: string,
  first: Buffer,
  rest: AsyncGenerator<Buffer>,
  expected: number,
): AsyncGenerator<Buffer> {
  let bytes = first.length;
  if (bytes > expected) throw shortArray(path, name, bytes, expected);
  if (bytes > 0) yield first;
  for await (const piece of rest) {
    bytes += piece.length;
    if (bytes > expected) throw shortArray(path, name, bytes, expected);
    yield piece;
  }
  if (bytes !== expected) throw shortArray(path, name, bytes, expected);
}

const shortArray = (path: string, name: string, found: number, expected: number): DataError =>
  new DataError(`Array '${name}' of '${path}' has ${found} bytes, its shape needs ${expected}.`, {
    fix: "Copy or write the file again.",
    details: { path, array: name, found, expected },
  });

/** Bytes as elements; `bytes` starts at an aligned place. */
function viewAs(type: NpyType, bytes: Buffer): NpyData {
  const { buffer, byteOffset, byteLength } = bytes;
  const length = byteLength / npyTypes[type].bytes;
  switch (type) {
    case "float64":
      return new Float64Array(buffer, byteOffset, length);
    case "float32":
      return new Float32Array(buffer, byteOffset, length);
    case "int64":
      return new BigInt64Array(buffer, byteOffset, length);
    case "int32":
      return new Int32Array(buffer, byteOffset, length);
    case "uint32":
      return new Uint32Array(buffer, byteOffset, length);
    case "int16":
      return new Int16Array(buffer, byteOffset, length);
    case "int8":
      return new Int8Array(buffer, byteOffset, length);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer, byteOffset, length);
  }
}

/** Copies an array whose first index runs fastest into one whose last does. */
function lastFastest<A extends NpyData>(data: A, shape: readonly number[]): A {
  const out = data.slice() as A;
  const steps = shape.map((_, axis) => elementsOf(shape.slice(0, axis)));
  const index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    out[i] = data[index.reduce((at, n, axis) => at + n * steps[axis], 0)];
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return out;
}
