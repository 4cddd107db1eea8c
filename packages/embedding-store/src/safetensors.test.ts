import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DataError, DisposedError } from "@fae/core";
import { describe, expect, it } from "vitest";
import { temporaryDirectories } from "../test/temporary.js";
import { openSafetensors } from "./safetensors.js";
import { elementBytes } from "./safetensors-header.js";
import { type TensorSource, writeSafetensors } from "./safetensors-write.js";

const newDirectory = temporaryDirectories();

const tensors: TensorSource[] = [
  { name: "bytes", dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 255) },
  { name: "weights", dtype: "F32", shape: [2, 3], data: Float32Array.of(0.5, -1, 2, 3, 4, 5) },
  { name: "half", dtype: "BF16", shape: [2], data: Uint16Array.of(0x3fc0, 0xbf80) },
  { name: "ids", dtype: "I64", shape: [2], data: BigInt64Array.of(7n, -1n) },
  { name: "small ids", dtype: "I32", shape: [1, 1], data: Int32Array.of(-5) },
  { name: "empty", dtype: "F32", shape: [0, 4], data: new Float32Array(0) },
];

async function written(change?: (header: Record<string, unknown>) => void): Promise<string> {
  const path = join(newDirectory(), "a.safetensors");
  await writeSafetensors(path, tensors, { metadata: { made: "here" } });
  if (change !== undefined) {
    const bytes = readFileSync(path);
    const length = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
    change(header);
    const text = Buffer.from(JSON.stringify(header));
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(text.length));
    writeFileSync(path, Buffer.concat([head, text, bytes.subarray(8 + length)]));
  }
  return path;
}

describe("openSafetensors", () => {
  it("reads back every type that was written, whole or in part", async () => {
    await using file = await openSafetensors(await written());
    expect(file.metadata).toEqual({ made: "here" });
    expect([...(await file.floats("weights"))]).toEqual([0.5, -1, 2, 3, 4, 5]);
    expect([...(await file.floats("weights", 2, 3))]).toEqual([2, 3, 4]);
    expect([...(await file.floats("half"))]).toEqual([1.5, -1]);
    expect([...(await file.integers("ids"))]).toEqual([7, -1]);
    expect([...(await file.integers("small ids"))]).toEqual([-5]);
    expect([...(await file.integers("bytes"))]).toEqual([1, 2, 255]);
    expect(await file.floats("empty")).toHaveLength(0);
    expect(file.tensor("weights").shape).toEqual([2, 3]);
    for (const { dtype, byteOffset } of file.tensors.values()) expect(byteOffset % elementBytes[dtype]).toBe(0);
  });

  it("refuses wrong names, types, ranges and values", async () => {
    await using file = await openSafetensors(await written());
    await expect(file.floats("nothing")).rejects.toThrow(/no tensor 'nothing'\. It has ids, weights/);
    await expect(file.integers("weights")).rejects.toThrow(/has type F32/);
    await expect(file.floats("weights", 4, 3)).rejects.toThrow(/has 6 elements, not 4\.\.7/);
    const path = join(newDirectory(), "big.safetensors");
    await writeSafetensors(path, [{ name: "ids", dtype: "I64", shape: [1], data: BigInt64Array.of(1n << 40n) }]);
    await using big = await openSafetensors(path);
    await expect(big.integers("ids")).rejects.toThrow(/Element 0 of tensor 'ids' is 1099511627776/);
  });

  it("refuses to read after close", async () => {
    const file = await openSafetensors(await written());
    await file.close();
    await file.close();
    await expect(file.floats("weights")).rejects.toThrow(DisposedError);
  });

  it("refuses a file cut at any byte", async () => {
    const path = await written();
    const { length } = readFileSync(path);
    for (let bytes = length - 1; bytes >= 0; bytes -= 7) {
      truncateSync(path, bytes);
      await expect(openSafetensors(path)).rejects.toThrow(DataError);
    }
  });

  it.each<
    [string, (header: Record<string, { shape: number[]; dtype: string; data_offsets: number[] }>) => unknown, RegExp]
  >([
    [
      "a shape that its bytes do not fill",
      (h) => h.weights.shape.push(2),
      /'weights' F32 \[2, 3, 2\] needs 48 bytes and has 24/,
    ],
    ["an unknown type", (h) => Object.assign(h.weights, { dtype: "F7" }), /unknown type "F7"/],
    ["a type that names a method", (h) => Object.assign(h.weights, { dtype: "toString" }), /unknown type "toString"/],
    ["overlapping tensors", (h) => Object.assign(h.weights, { data_offsets: [8, 32] }), /overlaps/],
    ["a gap", (h) => delete (h as Record<string, unknown>).weights, /belong to no tensor/],
    ["negative offsets", (h) => Object.assign(h.weights, { data_offsets: [-8, 16] }), /no valid data_offsets/],
    ["a fractional shape", (h) => Object.assign(h.weights, { shape: [1.5, 4] }), /no valid shape/],
    ["bytes behind the last tensor", (h) => delete (h as Record<string, unknown>).bytes, /has 3 bytes behind/],
    [
      "offsets beyond the end",
      (h) => Object.assign(h.bytes, { data_offsets: h.bytes.data_offsets.map((n) => n + 4) }),
      /belong to no tensor/,
    ],
  ])("refuses %s", async (_, change, message) => {
    const path = await written((header) => change(header as never));
    await expect(openSafetensors(path)).rejects.toThrow(message);
  });

  it("refuses a header that is not JSON, too long, or no object", async () => {
    const path = join(newDirectory(), "x");
    const file = (length: bigint, text: string): void => {
      const head = Buffer.alloc(8);
      head.writeBigUInt64LE(length);
      writeFileSync(path, Buffer.concat([head, Buffer.from(text)]));
    };
    file(3n, "{a}");
    await expect(openSafetensors(path)).rejects.toThrow(/not JSON/);
    file(2n, "[]");
    await expect(openSafetensors(path)).rejects.toThrow(/not a JSON object/);
    file(1n << 60n, "{}");
    await expect(openSafetensors(path)).rejects.toThrow(/states a header of/);
    await expect(openSafetensors(join(path, "nowhere"))).rejects.toThrow(/cannot be opened/);
  });
});

describe("writeSafetensors", () => {
  it("streams chunks, tells size and digest, and leaves only the file", async () => {
    const directory = newDirectory();
    const path = join(directory, "a.safetensors");
    async function* chunks() {
      yield Float32Array.of(1, 2);
      yield Float32Array.of(3, 4);
    }
    const result = await writeSafetensors(path, [{ name: "w", dtype: "F32", shape: [2, 2], data: chunks }]);
    const bytes = readFileSync(path);
    const { createHash } = await import("node:crypto");
    expect(result).toEqual({ path, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") });
    await using file = await openSafetensors(path);
    expect([...(await file.floats("w"))]).toEqual([1, 2, 3, 4]);
  });

  it.each([[[1, 2, 3]], [[1, 2, 3, 4, 5]]])(
    "refuses data that do not fill the shape and keeps the old file: %j",
    async (data) => {
      const path = await written();
      const before = readFileSync(path);
      const tensor: TensorSource = { name: "w", dtype: "F32", shape: [4], data: Float32Array.from(data) };
      await expect(writeSafetensors(path, [tensor])).rejects.toThrow(/'w' .* is (12|20) bytes; F32 \[4\] needs 16/);
      await expect(writeSafetensors(path, [tensor, tensor])).rejects.toThrow(/same name/);
      expect(readFileSync(path).equals(before)).toBe(true);
    },
  );
});
