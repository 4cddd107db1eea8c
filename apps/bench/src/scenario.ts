import type { Engine } from "@fae/core";
import type { Check, Figure, Headline, Table } from "./result.js";

/**
 * How much is measured. `full`: the paper's sizes where the machine allows. `quick`: all scenarios within 3 minutes on 2
 * cores without a GPU. `tiny`: seconds on the reference engine, for tests; its numbers mean nothing.
 */
export type Size = "tiny" | "quick" | "full";

/** What every scenario is given. */
export interface Bench {
  readonly size: Size;
  readonly engine: Engine;
  /** What the engine is called on a command line, e.g. `tfjs:wasm`. */
  readonly engineName: string;
  /** Beside a GPU: the engine of its host, for strategies that use no device. null where `engine` is itself one of the host. */
  readonly hostEngine: Engine | null;
  /** "synthetic", or a prepared directory to measure on instead. */
  readonly data: string;
  /** Matrix arithmetic of timed runs; null: the engine's default. Exactness is checked in that default. */
  readonly matmul: "float32" | "tf32" | "bf16" | null;
  /** Device bytes for hot rows; undefined: the scenario's own choice, after the paper. */
  readonly budgetBytes: number | undefined;
  /** Recorded rounds; each round runs every variant once. */
  readonly repeats: number;
  /** Of the time given to the scenario, or to a part of it. When none is left no further round is started; one is always recorded. */
  readonly secondsLeft: () => number;
  /** Of the workloads that a scenario asks for, those to measure; null: all. */
  readonly onlyWorkloads: readonly string[] | null;
  /** Made data sets are kept here between scenarios and runs. */
  readonly cacheDirectory: string;
  /** Host memory to plan for: tables that would take more than 40 % of it are scaled. */
  readonly memoryBytes: number;
  readonly peers: Peers;
  /** Work that several scenarios of one run share, by key: done by the first that asks. */
  readonly once: <T>(key: string, make: () => Promise<T>) => Promise<T>;
  /** Keeps a raw repeat as it comes, so that a run that is cut short loses none. */
  readonly record: (repeat: Readonly<Record<string, unknown>>) => void;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * For part `i` of `parts` that a scenario measures one after the other: an even share, with the parts still to come, of the time
 * that is left at this call. To be called when everything that the parts need is made and part `i` begins.
 */
export function withShare<B extends Pick<Bench, "secondsLeft">>(bench: B, i: number, parts: number): B {
  const left = bench.secondsLeft();
  if (left === Number.POSITIVE_INFINITY) return bench;
  const ofOthers = Math.max(0, left - left / (parts - i));
  return { ...bench, secondsLeft: () => bench.secondsLeft() - ofOthers };
}

/** Real systems to compare with. */
export interface Peers {
  /** Python with torch; undefined: looked for on PATH. */
  readonly python: string | undefined;
  /** Checkouts of facebookresearch/dlrm and facebookresearch/tbsm. */
  readonly dlrm: string | undefined;
  readonly tbsm: string | undefined;
}

/** What a scenario found. The runner adds machine, versions, commit, command and time. */
export interface Findings {
  readonly seeds: readonly number[];
  readonly repeats: readonly Readonly<Record<string, unknown>>[];
  readonly checks: readonly Check[];
  readonly tables: readonly Table[];
  readonly figures: readonly Figure[];
  /** The paper's numbers that this scenario reproduces; none when it has no such. */
  readonly headlines?: readonly Headline[];
  readonly notes: readonly string[];
}

/** One question of the evaluation. One file in `scenarios/` each; the folder's index lists them. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** One line for `fae-bench list`. */
  readonly describes: string;
  /** What the paper reports, with where; "" where it says nothing. */
  readonly paper: string;
  run(bench: Bench): Promise<Findings>;
}
