import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { DataError, Random } from "@fae/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporary } from "../../test/support/logs.js";
import { npyHeader, parseNpyHeader } from "./npy.js";
import { type NpyArray, readNpz, writeNpz, writeNpzStreams } from "./npz.js";

const int32 = (shape: number[], data: number[]): NpyArray => ({ type: "int32", shape, data: Int32Array.from(data) });

const anyArray: fc.Arbitrary<NpyArray> = fc
  .tuple(
    fc.constantFrom("float64", "float32", "int32", "uint8", "int64"),
    fc.array(fc.nat(7), { maxLength: 3 }),
    fc.nat(),
  )
  .map(([type, shape, seed]) => {
    const random = new Random(seed);
    const length = shape.reduce((a, b) => a * b, 1);
    const numbers = Array.from({ length }, () => random.below(1000) - 300);
    const data = {
      float64: () => Float64Array.from(numbers, (n) => n / 7),
      float32: () => Float32Array.from(numbers, (n) => n / 7),
      int32: () => Int32Array.from(numbers),
      uint8: () => Uint8Array.from(numbers),
      int64: () => BigInt64Array.from(numbers, BigInt),
    }[type]();
    return { type, shape, data };
  });

describe("npz", () => {
  it("comes back as it was written, deflated or not", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyArray, { minLength: 1, maxLength: 4 }), fc.boolean(), async (list, compress) => {
        using directory = temporary();
        const arrays = Object.fromEntries(list.map((array, i) => [`a${i}`, array]));
        await writeNpz(directory.file("x.npz"), arrays, { compress });
        expect(await readNpz(directory.file("x.npz"))).toEqual(arrays);
      }),
      { numRuns: 40 },
    );
  });

  it("reads arrays whose first index runs fastest", async () => {
    using directory = temporary();
    const path = directory.file("f.npz");
    const columns = Int32Array.of(1, 4, 2, 5, 3, 6);
    const header = { type: "int32", shape: [2, 3], isFortran: true } as const;
    await writeNpzStreams(path, [{ name: "x", header, pieces: [new Uint8Array(columns.buffer)] }], false);
    expect((await readNpz(path)).x).toEqual(int32([2, 3], [1, 2, 3, 4, 5, 6]));
    const cube = Int32Array.of(0, 4, 2, 6, 1, 5, 3, 7);
    const cubeHeader = { type: "int32", shape: [2, 2, 2], isFortran: true } as const;
    await writeNpzStreams(path, [{ name: "x", header: cubeHeader, pieces: [new Uint8Array(cube.buffer)] }], true);
    expect([...(await readNpz(path)).x.data]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("writes the header that numpy writes", () => {
    const header = npyHeader({ type: "float64", shape: [8000, 26], isFortran: false });
    expect(header.toString("latin1")).toBe(
      `\x93NUMPY\x01\x00v\x00${"{'descr': '<f8', 'fortran_order': False, 'shape': (8000, 26), }".padEnd(117)}\n`,
    );
    expect(npyHeader({ type: "int32", shape: [3], isFortran: false }).toString("latin1")).toContain("'shape': (3,), }");
    expect(parseNpyHeader(header, "x")).toEqual({
      header: { type: "float64", shape: [8000, 26], isFortran: false },
      headerBytes: 128,
    });
  });

  it("never gives other numbers when a file is damaged", async () => {
    using directory = temporary();
    const path = directory.file("x.npz");
    const arrays = {
      a: int32(
        [300],
        Array.from({ length: 300 }, (_, i) => (i * i) % 91),
      ),
      b: int32([2], [7, 8]),
    };
    await writeNpz(path, arrays);
    const whole = readFileSync(path);
    const random = new Random(4);
    let refused = 0;
    for (let i = 0; i < 300; i++) {
      const bytes = Buffer.from(whole);
      const at = random.below(bytes.length);
      const cut = i % 3 === 0 ? bytes.subarray(0, at) : bytes;
      if (i % 3 !== 0) bytes[at] ^= 1 << random.below(8);
      writeFileSync(path, cut);
      try {
        const found = await readNpz(path);
        for (const [name, array] of Object.entries(found)) {
          expect(array).toEqual(arrays[name as "a"]);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(DataError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(150);
  });

  it("takes no memory for what a shape states and the file does not hold", async () => {
    using directory = temporary();
    const path = directory.file("a.npz");
    for (const shape of [[3_000_000_000], [2 ** 40, 2 ** 10]]) {
      await writeNpzStreams(
        path,
        [{ name: "a", header: { type: "int32", shape, isFortran: false }, pieces: [] }],
        true,
      );
      await expect(readNpz(path)).rejects.toThrow(/'a.npy' of '.*' has shape \(.*\), \d+ bytes; it holds 128/);
    }
  });

  it("says which arrays there are", async () => {
    using directory = temporary();
    await writeNpz(directory.file("x.npz"), { a: int32([1], [1]) });
    await expect(readNpz(directory.file("x.npz"), ["counts"])).rejects.toThrow(/has no array 'counts', it has a./);
  });

  it("refuses elements it cannot hold", async () => {
    using directory = temporary();
    const path = directory.file("x.npz");
    await writeNpz(path, { a: int32([1], [1]) }, { compress: false });
    const bytes = readFileSync(path);
    for (const [from, to, message] of [
      ["<i4", ">i4", /elements are '>i4'/],
      ["<i4", "|O8", /elements are '\|O8'/],
      ["NUMPY", "NUMPX", /magic/],
    ] as const) {
      const broken = Buffer.from(bytes);
      broken.write(to, broken.indexOf(from));
      writeFileSync(path, broken);
      await expect(readNpz(path)).rejects.toThrow(message);
    }
  });

  it("leaves nothing when writing fails", async () => {
    using directory = temporary();
    const path = directory.file("x.npz");
    const header = { type: "int32", shape: [3], isFortran: false } as const;
    function* failing(): Generator<Uint8Array> {
      yield new Uint8Array(4);
      throw new Error("source ended");
    }
    for (const compress of [true, false]) {
      await expect(writeNpzStreams(path, [{ name: "x", header, pieces: failing() }], compress)).rejects.toThrow(
        "source ended",
      );
    }
    await expect(writeNpz(path, { x: int32([4], [1, 2, 3]) })).rejects.toThrow(/has 3 elements/);
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(directory.path)).toEqual([]);
  });
});
