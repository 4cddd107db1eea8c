import { DataError } from "@fae/core";

/** Element types of the arrays that can be read; little-endian. */
export const npyTypes = {
  float64: { code: "<f8", bytes: 8 },
  float32: { code: "<f4", bytes: 4 },
  int64: { code: "<i8", bytes: 8 },
  int32: { code: "<i4", bytes: 4 },
  uint32: { code: "<u4", bytes: 4 },
  int16: { code: "<i2", bytes: 2 },
  uint8: { code: "|u1", bytes: 1 },
  int8: { code: "|i1", bytes: 1 },
  bool: { code: "|b1", bytes: 1 },
} as const;

export type NpyType = keyof typeof npyTypes;

/** Header of a `.npy` file. `isFortran`: the first index runs fastest. */
export interface NpyHeader {
  readonly type: NpyType;
  readonly shape: readonly number[];
  readonly isFortran: boolean;
}

export const elementsOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/**
 * Parses the header at the start of a `.npy` file, versions 1 to 3.
 * @param name of the array, for messages.
 * @returns null when `bytes` is too short to hold it.
 * @throws DataError when the bytes are no header of a supported array.
 */
export function parseNpyHeader(bytes: Buffer, name: string): { header: NpyHeader; headerBytes: number } | null {
  if (bytes.length < 12) return null;
  if (bytes.toString("latin1", 0, 6) !== "\x93NUMPY") throw bad(name, "it does not start with the magic of .npy");
  const isLong = bytes[6] >= 2;
  const start = isLong ? 12 : 10;
  const length = isLong ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8);
  if (length > 1 << 20) throw bad(name, `its header claims ${length} bytes`);
  if (bytes.length < start + length) return null;
  const text = bytes.toString("latin1", start, start + length);
  const code = /'descr'\s*:\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(text)?.[1];
  if (code === undefined || order === undefined || shape === undefined) throw bad(name, `its header is ${text.trim()}`);
  const type = (Object.keys(npyTypes) as NpyType[]).find((candidate) => npyTypes[candidate].code === code);
  if (!type) {
    const known = Object.values(npyTypes).map((known) => known.code);
    throw bad(name, `its elements are '${code}', readable are ${known.join(" ")}`);
  }
  const sizes = shape
    .split(",")
    .filter((size) => size.trim() !== "")
    .map(Number);
  return { header: { type, shape: sizes, isFortran: order === "True" }, headerBytes: start + length };
}

/** Bytes of a version 1 header, padded to a multiple of 64 as numpy does. */
export function npyHeader({ type, shape, isFortran }: NpyHeader): Buffer {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const order = isFortran ? "True" : "False";
  const text = `{'descr': '${npyTypes[type].code}', 'fortran_order': ${order}, 'shape': (${sizes}), }`;
  const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11);
  const header = Buffer.alloc(10 + padded.length + 1);
  header.write("\x93NUMPY\x01\x00", 0, "latin1");
  header.writeUInt16LE(padded.length + 1, 8);
  header.write(`${padded}\n`, 10, "latin1");
  return header;
}

const bad = (name: string, what: string): DataError =>
  new DataError(`Array '${name}' cannot be read: ${what}.`, {
    fix: "Write it with numpy as a plain little-endian array.",
    details: { array: name },
  });
