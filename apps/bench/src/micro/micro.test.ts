import { referenceEngine } from "@fae/core";
import { rmc2 } from "@fae/models";
import { expect, test } from "vitest";
import { tinyBench } from "../../test/tiny-bench.js";
import { cpuPeakOf } from "./cpu-peak.js";
import { hostSegments, linearFlops, rowTraffic, uniformInputs } from "./kernels.js";
import { measureRandomRows } from "./random-rows.js";

const cpuinfo = (flags: string, cores: readonly number[]) =>
  cores
    .map(
      (core, i) =>
        `processor\t: ${i}\nmodel name\t: A\ncpu MHz\t\t: 2500.000\nphysical id\t: 0\ncore id\t\t: ${core}\nflags\t\t: fpu ${flags}\n`,
    )
    .join("\n");

test("the peak counts cores, not hardware threads", () => {
  expect(cpuPeakOf(cpuinfo("avx2 fma avx512f", [0, 1]))).toEqual({
    cores: 2,
    megahertz: 2500,
    flopsPerCycle: 64,
    gflops: 320,
  });
  expect(cpuPeakOf(cpuinfo("avx2 fma", [0, 0]))).toMatchObject({ cores: 1, gflops: 80 });
  expect(cpuPeakOf(cpuinfo("sse2", [0]))).toBeNull();
  expect(cpuPeakOf("")).toBeNull();
});

test("operations of RMC2: six per weight, four in the layer that reads the dense features", () => {
  const bottom = 512 * 256 + 256 * 64 + 64 * 16;
  const top = 367 * 512 + 512 * 256 + 256;
  expect(linearFlops(rmc2(new Array<number>(26).fill(4)))).toBe(4 * 13 * 512 + 6 * (bottom + top));
});

test("uniform inputs train, and their rows are counted", async () => {
  const program = rmc2(new Array<number>(26).fill(1000));
  const source = uniformInputs(program, 8, 1);
  const bytes = rowTraffic(program, source, 8);
  // 8 x 26 look-ups, and nearly as many distinct rows read and written.
  expect(bytes / 64).toBeGreaterThan(3 * 8 * 26 * 0.97);
  expect(bytes / 64).toBeLessThanOrEqual(3 * 8 * 26);
  const [report] = await hostSegments(referenceEngine(), program, source, 8, 1);
  expect(report).toMatchObject({ batches: 1, inputs: 8 });
});

test("random rows are read at some rate, with and without a C compiler", async () => {
  using bench = tinyBench();
  const found = await measureRandomRows(bench, 2 ** 20, 5e4);
  expect(found.bytesPerSecond).toBeGreaterThan(1e6);
  const path = process.env.PATH;
  process.env.PATH = "/nowhere";
  try {
    expect(await measureRandomRows(bench, 2 ** 20, 5e4)).toMatchObject({ measuredIn: "JavaScript" });
  } finally {
    process.env.PATH = path;
  }
});
