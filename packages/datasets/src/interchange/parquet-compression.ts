import * as zlib from "node:zlib";

/** zlib of Node 22.15 and later. */
const { zstdDecompressSync } = zlib as {
  zstdDecompressSync?: (input: Uint8Array, options: { maxOutputLength: number }) => Buffer;
};

/** Whether this Node unpacks Zstandard. */
export const hasZstd = zstdDecompressSync !== undefined;

const atMost = (bytes: number) => ({ maxOutputLength: Math.max(1, bytes) });

/**
 * What Parquet files are packed with, besides Snappy, which hyparquet unpacks itself. None gives more than a page says of
 * itself.
 */
export const compressors = {
  GZIP: (input: Uint8Array, bytes: number): Uint8Array => zlib.gunzipSync(input, atMost(bytes)),
  BROTLI: (input: Uint8Array, bytes: number): Uint8Array => zlib.brotliDecompressSync(input, atMost(bytes)),
  LZ4_RAW: unpackLz4,
  LZ4: unpackHadoopLz4,
  ...(zstdDecompressSync && {
    ZSTD: (input: Uint8Array, bytes: number): Uint8Array => zstdDecompressSync(input, atMost(bytes)),
  }),
};

const broken = (): Error => new Error("LZ4 data are broken");

/**
 * Unpacks one block of LZ4: pairs of literal bytes and copies of what came before.
 * @param length bytes of the result @throws Error when the input is not such a block
 */
export function unpackLz4(input: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let at = 0;
  let to = 0;
  const more = (count: number): number => {
    if (count < 15) return count;
    for (let sum = count; ; ) {
      if (at >= input.length) throw broken();
      const byte = input[at++];
      sum += byte;
      if (byte !== 255) return sum;
    }
  };
  while (at < input.length) {
    const token = input[at++];
    const literals = more(token >> 4);
    if (at + literals > input.length || to + literals > length) throw broken();
    out.set(input.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    if (at === input.length) break; // the last pair has no copy
    if (at + 2 > input.length) throw broken();
    const back = input[at] | (input[at + 1] << 8);
    at += 2;
    const end = to + more(token & 15) + 4;
    if (back === 0 || back > to || end > length) throw broken();
    for (; to < end; to++) out[to] = out[to - back]; // may overlap
  }
  if (to !== length) throw broken();
  return out;
}

/** The older LZ4 of Parquet: blocks, each after its two lengths in big-endian; some writers leave these out. */
function unpackHadoopLz4(input: Uint8Array, length: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const out = new Uint8Array(length);
  let to = 0;
  for (let at = 0; at < input.length; ) {
    const [size, packed] = at + 8 <= input.length ? [view.getUint32(at), view.getUint32(at + 4)] : [0, 0];
    if (to + size > length || at + 8 + packed > input.length || packed === 0) return unpackLz4(input, length);
    out.set(unpackLz4(input.subarray(at + 8, at + 8 + packed), size), to);
    to += size;
    at += 8 + packed;
  }
  if (to !== length) throw broken();
  return out;
}
