import { type FileHandle, open } from "node:fs/promises";
import { checkArguments, DataError, DisposedError, expectFile, is } from "@fae/core";
import {
  type Dtype,
  elementBytes,
  type Header,
  headerLength,
  parseHeader,
  type TensorInfo,
} from "./safetensors-header.js";

/**
 * A safetensors file, open for reading: tensors are read when asked for, whole or in part, by position, so that the file
 * may be larger than memory. Calls may overlap. Close it when done.
 */
export interface Safetensors extends AsyncDisposable {
  readonly path: string;
  readonly fileBytes: number;
  /** In file order. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
  /** @throws DataError naming the file's tensors when there is none of that name. */
  tensor(name: string): TensorInfo;
  /**
   * Elements `[from, from + count)` of an F32, BF16 or F64 tensor as float32; everything by default.
   * @throws DataError when the tensor has another type, the range leaves it or the file ends early.
   */
  floats(name: string, from?: number, count?: number): Promise<Float32Array>;
  /** The same for I32, I64, U32 and U8 as int32. @throws DataError also when a value does not fit. */
  integers(name: string, from?: number, count?: number): Promise<Int32Array>;
  close(): Promise<void>;
}

/** @throws DataError when the file cannot be opened or its header does not describe exactly its bytes. */
export async function openSafetensors(path: string): Promise<Safetensors> {
  checkArguments("openSafetensors", { path: [path, is.text] });
  const file = await openFile(path);
  try {
    const fileBytes = (await file.stat()).size;
    const first = await readExactly(file, path, 0, Math.min(8, fileBytes));
    const length = headerLength(path, first, fileBytes);
    return reader(file, path, fileBytes, parseHeader(path, await readExactly(file, path, 8, length), fileBytes));
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  expectFile(path);
  try {
    return await open(path, "r");
  } catch (error) {
    throw new DataError(`'${path}' cannot be opened: ${error instanceof Error ? error.message : String(error)}.`, {
      fix: "Check the path and its permissions.",
      details: { path },
      cause: error,
    });
  }
}

async function readExactly(file: FileHandle, path: string, at: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done);
    if (bytesRead === 0)
      throw new DataError(
        `'${path}' ended at byte ${at + done} while it was read; ${length - done} more were expected.`,
        {
          fix: "Leave the file alone while it is in use.",
          details: { path, byteOffset: at + done },
        },
      );
    done += bytesRead;
  }
  return bytes;
}

function reader(file: FileHandle, path: string, fileBytes: number, { tensors, metadata }: Header): Safetensors {
  let isOpen = true;
  const tensor = (name: string): TensorInfo => {
    const info = tensors.get(name);
    if (info !== undefined) return info;
    const names = [...tensors.keys()];
    const shown = names.slice(0, 8).join(", ") + (names.length > 8 ? `, ... (${names.length} in all)` : "");
    throw new DataError(`'${path}' has no tensor '${name}'.`, {
      fix: `It has ${shown || "none"}.`,
      details: { path, tensor: name, names },
    });
  };
  const readAs = async <A>(
    name: string,
    from: number,
    count: number | undefined,
    converters: Partial<Record<Dtype, (bytes: Uint8Array, name: string) => A>>,
  ): Promise<A> => {
    const info = tensor(name);
    const wanted = count ?? info.elements - from;
    if (!isOpen) throw new DisposedError(`'${path}' is closed.`, { fix: "Open it again." });
    if (
      !Number.isSafeInteger(from) ||
      !Number.isSafeInteger(wanted) ||
      from < 0 ||
      wanted < 0 ||
      from + wanted > info.elements
    )
      throw new DataError(
        `Tensor '${name}' of '${path}' has ${info.elements} elements, not ${from}..${from + wanted}.`,
        {
          fix: "Ask for a range inside the tensor.",
          details: { path, tensor: name, from, count: wanted, elements: info.elements },
        },
      );
    const convert = converters[info.dtype];
    if (convert === undefined)
      throw new DataError(`Tensor '${name}' of '${path}' has type ${info.dtype}.`, {
        fix: `Types that can be read here are ${Object.keys(converters).join(", ")}.`,
        details: { path, tensor: name, dtype: info.dtype },
      });
    const each = elementBytes[info.dtype];
    return convert(await readExactly(file, path, info.byteOffset + from * each, wanted * each), name);
  };
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    await file.close();
  };
  return {
    path,
    fileBytes,
    tensors,
    metadata,
    tensor,
    floats: (name, from = 0, count) => readAs(name, from, count, floatConverters),
    integers: (name, from = 0, count) => readAs(name, from, count, integerConverters),
    close,
    [Symbol.asyncDispose]: close,
  };
}

const floatConverters: Partial<Record<Dtype, (bytes: Uint8Array) => Float32Array>> = {
  F32: (bytes) => new Float32Array(bytes.buffer),
  F64: (bytes) => Float32Array.from(new Float64Array(bytes.buffer)),
  BF16: (bytes) => {
    const halves = new Uint16Array(bytes.buffer);
    const words = new Uint32Array(halves.length);
    for (let i = 0; i < halves.length; i++) words[i] = halves[i] << 16;
    return new Float32Array(words.buffer);
  },
};

const fits = (values: ArrayLike<number | bigint>, name: string): Int32Array =>
  Int32Array.from({ length: values.length }, (_, i) => {
    const value = Number(values[i]);
    if (value !== (value | 0))
      throw new DataError(`Element ${i} of tensor '${name}' is ${values[i]}, which does not fit 32 bits with sign.`, {
        fix: "Row ids and labels must be below 2^31.",
        details: { tensor: name, element: i, found: String(values[i]) },
      });
    return value;
  });

const integerConverters: Partial<Record<Dtype, (bytes: Uint8Array, name: string) => Int32Array>> = {
  I32: (bytes) => new Int32Array(bytes.buffer),
  I64: (bytes, name) => fits(new BigInt64Array(bytes.buffer), name),
  U32: (bytes, name) => fits(new Uint32Array(bytes.buffer), name),
  U8: (bytes) => Int32Array.from(bytes),
};
