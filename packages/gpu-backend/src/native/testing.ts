import {
  type BatchSource,
  type Job,
  optimizerSpec,
  type Placement,
  type Plan,
  type Program,
  ProgramBuilder,
  Random,
  type RouteName,
  type Segment,
} from "@fae/core";
import { loadNative, type NativeName } from "./load.js";

/** For tests: why a native engine's tests must be skipped, or null. FAE_REQUIRE_NATIVE=1 turns the skip into a failure. */
export function nativeMissing(name: NativeName): string | null {
  try {
    loadNative(name);
    return null;
  } catch (error) {
    if (process.env.FAE_REQUIRE_NATIVE === "1") throw error;
    const reason = error instanceof Error ? error.message : String(error);
    console.warn(`skipped: ${reason}`);
    return reason;
  }
}

/** A DLRM of two tables, small enough to look at. */
export const tinyProgram: Program = {
  name: "tiny",
  denseFeatures: 1,
  steps: 0,
  width: 4,
  tables: [
    { name: "a", rows: 60, init: { kind: "uniform", bound: 0.5 } },
    { name: "b", rows: 4, init: { kind: "uniform", bound: 0.5 } },
  ],
  params: [
    { name: "bottom", shape: [4, 1], init: { kind: "normal", deviation: 0.5 } },
    { name: "top", shape: [1, 7], init: { kind: "normal", deviation: 0.5 } },
    { name: "bias", shape: [1], init: { kind: "zeros" } },
  ],
  nodes: [
    {
      op: "linear",
      output: "x",
      inputs: ["dense"],
      params: ["bottom"],
      attributes: { activation: "relu", transposed: false },
    },
    { op: "interact", output: "y", inputs: ["x", "rows"], params: [], attributes: { self: false } },
    {
      op: "linear",
      output: "z",
      inputs: ["y"],
      params: ["top", "bias"],
      attributes: { activation: "none", transposed: false },
    },
  ],
  logit: "z",
};

const featureless = new ProgramBuilder({ name: "featureless", denseFeatures: 0, width: 4 });
featureless.table("a", 60);
featureless.table("b", 4);

/** The same tables, and no dense features. */
export const featurelessProgram: Program = featureless.build(
  featureless.linear(featureless.concat([featureless.dense, featureless.rows]), 1),
);

/** Rows `[label, id of a, id of b]` of those of `tinyWords`. */
export const featurelessWords = (words: Uint32Array): Uint32Array => words.filter((_, i) => i % 4 !== 1);

export const tinyLayout = { denseFeatures: 1, denseEncoding: "float32", steps: 0, hotness: [1, 1] } as const;

/** Rows `[label, dense, id of a, id of b]`. */
export function tinyWords(rows: readonly (readonly [number, number, number, number])[]): Uint32Array {
  const words = new Int32Array(rows.length * 4);
  rows.forEach(([label, dense, a, b], i) => {
    words.set([label, 0, a, b], i * 4);
    new Float32Array(words.buffer)[i * 4 + 1] = dense;
  });
  return new Uint32Array(words.buffer);
}

/** Random valid rows; `below` limits the ids of table a. */
export function randomTinyWords(rows: number, seed: number, below = 60): Uint32Array {
  const random = new Random(seed);
  return tinyWords(
    Array.from(
      { length: rows },
      () => [random.below(2), random.next(), random.below(below), random.below(5) - 1] as const,
    ),
  );
}

export const tinySource = (words: Uint32Array, name = "train", shuffleSeed: number | null = null): BatchSource => ({
  name,
  layout: tinyLayout,
  rows: words.length / 4,
  storage: { kind: "memory", words },
  shuffleSeed,
});

export function tinyPlan(routes: readonly RouteName[], placement: Placement, rest: Partial<Plan> = {}): Plan {
  return {
    strategy: "test",
    placements: { a: placement, b: placement },
    routes,
    devices: 1,
    lookAhead: 2,
    servers: 2,
    staleness: 0,
    ...rest,
  };
}

export const tinyJob = (plan: Plan, rest: Partial<Job> = {}): Job => ({
  program: tinyProgram,
  plan,
  optimizer: optimizerSpec("adagrad"),
  sources: [tinySource(randomTinyWords(50, 1))],
  batch: 8,
  seed: 3,
  threads: 2,
  ...rest,
});

export const tinySegment = (route: RouteName, batches: readonly number[], source = "train", epoch = 0): Segment => ({
  kind: "segment",
  route,
  source,
  epoch,
  batches: Uint32Array.from(batches),
});
