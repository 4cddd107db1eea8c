import { DataError } from "@fae/core";

/** Bytes per element of every type that the safetensors format names and whose elements are whole bytes. */
export const elementBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const;

export type Dtype = keyof typeof elementBytes;

/** One tensor of a file. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly elements: number;
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface Header {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The optional `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** No header of a real model is longer; the reference reader refuses at the same length. */
export const longestHeaderBytes = 100_000_000;

const fix = "The file is not a safetensors file or was damaged; write or copy it again.";

function fail(path: string, what: string, details: Record<string, unknown> = {}): never {
  throw new DataError(`'${path}': ${what}.`, { fix, details: { path, ...details } });
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Length of the JSON header from the first 8 bytes. @throws DataError when the file cannot hold it. */
export function headerLength(path: string, first: Uint8Array, fileBytes: number): number {
  if (first.byteLength < 8) fail(path, `has ${first.byteLength} bytes, fewer than the 8 of a header length`);
  const length = Number(new DataView(first.buffer, first.byteOffset).getBigUint64(0, true));
  if (length > longestHeaderBytes) fail(path, `states a header of ${length} bytes, more than ${longestHeaderBytes}`);
  if (8 + length > fileBytes)
    fail(path, `is truncated: its header ends at byte ${8 + length}, the file at ${fileBytes}`, { fileBytes });
  return length;
}

/**
 * Reads and checks a header (the JSON behind the 8 bytes of its length): types known, sizes equal to the shapes, no tensor overlapping another, no gap, and the last
 * one ending where the file ends.
 *
 * @throws DataError naming the tensor, what was found and what was expected.
 */
export function parseHeader(path: string, bytes: Uint8Array, fileBytes: number): Header {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new DataError(`'${path}': the header is not JSON.`, { fix, details: { path }, cause: error });
  }
  if (!isObject(json)) fail(path, "the header is not a JSON object");
  const dataStart = 8 + bytes.byteLength;
  const { __metadata__: metadata = {}, ...entries } = json;
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== "string"))
    fail(path, "'__metadata__' is not an object of strings");
  const tensors = Object.entries(entries)
    .map(([name, entry]) => tensorInfo(path, name, entry, dataStart))
    .sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  let end = dataStart;
  for (const tensor of tensors) {
    if (tensor.byteOffset < end)
      fail(path, `tensor '${tensor.name}' overlaps the one before it by ${end - tensor.byteOffset} bytes`);
    if (tensor.byteOffset > end)
      fail(path, `${tensor.byteOffset - end} bytes before tensor '${tensor.name}' belong to no tensor`);
    end = tensor.byteOffset + tensor.byteLength;
  }
  if (end > fileBytes)
    fail(path, `is truncated: its tensors end at byte ${end}, the file at ${fileBytes}`, { expected: end, fileBytes });
  if (end < fileBytes) fail(path, `has ${fileBytes - end} bytes behind its last tensor`, { expected: end, fileBytes });
  return {
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    metadata: metadata as Record<string, string>,
  };
}

function tensorInfo(path: string, name: string, entry: unknown, dataStart: number): TensorInfo {
  if (!isObject(entry)) fail(path, `the entry of tensor '${name}' is not an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(elementBytes, dtype))
    fail(path, `tensor '${name}' has the unknown type ${JSON.stringify(dtype)}`);
  if (!Array.isArray(shape) || !shape.every(isWhole)) fail(path, `tensor '${name}' has no valid shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isWhole) || offsets[0] > offsets[1])
    fail(path, `tensor '${name}' has no valid data_offsets`);
  const elements = shape.reduce((product: number, n: number) => product * n, 1);
  const byteLength = offsets[1] - offsets[0];
  const expected = elements * elementBytes[dtype as Dtype];
  if (byteLength !== expected)
    fail(path, `tensor '${name}' ${dtype} [${shape.join(", ")}] needs ${expected} bytes and has ${byteLength}`, {
      tensor: name,
      expected,
      found: byteLength,
    });
  return { name, dtype: dtype as Dtype, shape, elements, byteOffset: dataStart + offsets[0], byteLength };
}

/** Header text for tensors in file order, padded so that the data start at a multiple of 8 bytes. */
export function formatHeader(
  tensors: readonly { readonly name: string; readonly dtype: Dtype; readonly shape: readonly number[] }[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = offset + shape.reduce((product, n) => product * n, 1) * elementBytes[dtype];
    entries[name] = { dtype, shape, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(entries));
  const length = Math.ceil(json.byteLength / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}
