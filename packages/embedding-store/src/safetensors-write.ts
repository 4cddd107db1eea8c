import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ConfigError, checkArguments, checkOptions, is, isOtherAlive, processTag, tagPattern } from "@fae/core";
import { tensorsKind, writeKinds } from "./call-kinds.js";
import { createFile, type Disk, disk } from "./disk.js";
import { type Dtype, elementBytes, formatHeader } from "./safetensors-header.js";

/** Values of a tensor; only their bytes count, so BF16 goes in as Uint16Array. */
export type Chunk = Float32Array | Float64Array | Int32Array | Uint32Array | BigInt64Array | Uint16Array | Uint8Array;

/** A tensor to write: its data at once, or chunk by chunk, so that it never is in memory as a whole. */
export interface TensorSource {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Chunk | (() => Iterable<Chunk> | AsyncIterable<Chunk>);
}

export interface WrittenFile {
  readonly path: string;
  readonly bytes: number;
  /** Hex, of the whole file. */
  readonly sha256: string;
}

export interface WriteOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly disk?: Disk;
}

/**
 * Writes a safetensors file that appears under its name complete or not at all: beside it, synced, renamed. What was there
 * before is replaced. Tensors keep their order, wider types first so that every tensor is aligned.
 *
 * @throws ConfigError when names repeat or a tensor's chunks are not as many bytes as its shape needs, FaeError
 * `ERR_DISK_FULL`.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorSource[],
  options: WriteOptions = {},
): Promise<WrittenFile> {
  checkArguments("writeSafetensors", { path: [path, is.text], tensors: [tensors, tensorsKind] });
  checkOptions<WriteOptions>("writeSafetensors", options, writeKinds);
  const { metadata = {}, disk: on = disk } = options;
  await removeLeftovers(path, on);
  const beside = `${path}.${processTag()}.partial`;
  try {
    const written = await streamSafetensors(beside, tensors, { metadata, disk: on });
    await on.rename(beside, path);
    await on.syncDirectory(dirname(path));
    return { ...written, path };
  } catch (error) {
    await on.remove(beside).catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

/** Removes what killed processes left beside a file. */
async function removeLeftovers(path: string, on: Disk): Promise<void> {
  const directory = dirname(path);
  const prefix = `${basename(path)}.`;
  const pattern = new RegExp(`^(${tagPattern})\\.partial$`);
  for (const name of await readdir(directory)) {
    const [, tag] = (name.startsWith(prefix) && pattern.exec(name.slice(prefix.length))) || [];
    if (tag !== undefined && !isOtherAlive(tag)) await on.remove(join(directory, name));
  }
}

/** As `writeSafetensors`, straight to a new file: for a directory that itself appears by a rename. */
export async function streamSafetensors(
  path: string,
  tensors: readonly TensorSource[],
  { metadata = {}, disk: on = disk }: WriteOptions = {},
): Promise<WrittenFile> {
  const names = new Set(tensors.map((tensor) => tensor.name));
  if (names.size !== tensors.length)
    throw new ConfigError(`Two tensors for '${path}' have the same name.`, { fix: "Give every tensor its own name." });
  const ordered = [...tensors].sort((a, b) => elementBytes[b.dtype] - elementBytes[a.dtype]);
  const hash = createHash("sha256");
  let bytes = 0;
  await createFile(on, path, async (write) => {
    const put = async (chunk: Uint8Array): Promise<void> => {
      hash.update(chunk);
      bytes += chunk.byteLength;
      await write(chunk);
    };
    await put(formatHeader(ordered, metadata));
    for (const tensor of ordered) await putTensor(path, tensor, put);
  });
  return { path, bytes, sha256: hash.digest("hex") };
}

async function putTensor(path: string, tensor: TensorSource, put: (chunk: Uint8Array) => Promise<void>): Promise<void> {
  const { name, dtype, shape, data } = tensor;
  const expected = shape.reduce((product, n) => product * n, 1) * elementBytes[dtype];
  let found = 0;
  for await (const chunk of typeof data === "function" ? data() : [data]) {
    found += chunk.byteLength;
    if (found <= expected) await put(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  }
  if (found !== expected)
    throw new ConfigError(
      `Tensor '${name}' for '${path}' is ${found} bytes; ${dtype} [${shape.join(", ")}] needs ${expected}.`,
      {
        fix: "Give data that fill the shape.",
        details: { path, tensor: name, expected, found },
      },
    );
}
