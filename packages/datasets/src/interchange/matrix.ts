import { DataError } from "@fae/core";
import { bytesOf, openSink } from "../prepare/files.js";
import { readWords } from "../prepare/part-rows.js";
import { elementsOf, type NpyType, npyTypes } from "./npy.js";
import { withNpy } from "./npz.js";
import type { ZipEntry } from "./zip.js";

/**
 * An array of an `.npz` file unpacked to int32 (or float32) words on disk, in the order of the file, so that any range can be
 * read whichever index runs fastest. Memory: one piece.
 */
export interface Matrix {
  readonly shape: readonly number[];
  readonly isFortran: boolean;
  /** Words `[at, at + count)` of the file order. */
  read(at: number, count: number): Int32Array;
}

/**
 * Unpacks an array to `to`. @param kind `int32` refuses what is no int32; `float32` rounds.
 * @throws DataError naming the first element that does not fit.
 */
export async function unpackMatrix(
  path: string,
  entry: ZipEntry,
  to: string,
  kind: "int32" | "float32",
): Promise<Matrix> {
  return withNpy(path, entry, async ({ type, shape, isFortran }, pieces) => {
    const { bytes: size } = npyTypes[type];
    const sink = openSink(to);
    let rest: Buffer = Buffer.alloc(0);
    let done = 0;
    try {
      for await (const piece of pieces) {
        const bytes = rest.length > 0 ? Buffer.concat([rest, piece]) : piece;
        const whole = bytes.length - (bytes.length % size);
        const values = decode(type, bytes.subarray(0, whole));
        rest = bytes.subarray(whole);
        if (kind === "float32") sink.write(bytesOf(Float32Array.from(values)));
        else {
          const words = Int32Array.from(values);
          const wrong = words.findIndex((word, i) => word !== values[i]);
          if (wrong >= 0) throw notInteger(path, entry.name, done + wrong, values[wrong]);
          sink.write(bytesOf(words));
        }
        done += whole / size;
      }
      sink.close();
    } catch (error) {
      sink.abandon();
      throw error;
    }
    return { shape, isFortran: isFortran && shape.length > 1, read: (at, count) => readWords(to, at, count) };
  });
}

/** Rows `[from, from + count)` of an [n, C] matrix, row after row. */
export function matrixRows({ shape, isFortran, read }: Matrix, from: number, count: number): Int32Array {
  const [rows] = shape;
  const columns = elementsOf(shape.slice(1));
  if (!isFortran) return read(from * columns, count * columns);
  const out = new Int32Array(count * columns);
  for (let column = 0; column < columns; column++) {
    const words = read(column * rows + from, count);
    for (let i = 0; i < count; i++) out[i * columns + column] = words[i];
  }
  return out;
}

const readers: Readonly<Record<NpyType, (view: DataView, at: number) => number>> = {
  float64: (view, at) => view.getFloat64(at, true),
  float32: (view, at) => view.getFloat32(at, true),
  int64: (view, at) => Number(view.getBigInt64(at, true)),
  int32: (view, at) => view.getInt32(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  int16: (view, at) => view.getInt16(at, true),
  uint8: (view, at) => view.getUint8(at),
  int8: (view, at) => view.getInt8(at),
  bool: (view, at) => view.getUint8(at),
};

function decode(type: NpyType, bytes: Buffer): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { bytes: size } = npyTypes[type];
  const read = readers[type];
  return Float64Array.from({ length: bytes.length / size }, (_, i) => read(view, i * size));
}

const notInteger = (path: string, name: string, element: number, found: number): DataError =>
  new DataError(`Element ${element} of '${name}' in '${path}' is ${found}, expected a 32-bit integer.`, {
    fix: "Give the file of raw ids and counts that the reference wrote.",
    details: { path, array: name, element, found },
  });
