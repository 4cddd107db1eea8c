import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { referenceEngine } from "@fae/core";
import { sharedWork } from "../src/measure/once.js";
import type { Bench } from "../src/scenario.js";

/** A bench of seconds on the reference engine, with a cache of its own. */
export function tinyBench(given: Partial<Bench> = {}): Bench & Disposable {
  const cacheDirectory = mkdtempSync(join(tmpdir(), "fae-bench-"));
  return {
    size: "tiny",
    engine: referenceEngine(),
    engineName: "reference",
    hostEngine: null,
    data: "synthetic",
    matmul: null,
    budgetBytes: undefined,
    repeats: 1,
    secondsLeft: () => Number.POSITIVE_INFINITY,
    onlyWorkloads: null,
    cacheDirectory,
    memoryBytes: 2 ** 33,
    peers: { python: undefined, dlrm: undefined, tbsm: undefined },
    once: sharedWork(),
    record: () => {},
    log: () => {},
    signal: new AbortController().signal,
    ...given,
    [Symbol.dispose]: () => rmSync(cacheDirectory, { recursive: true, force: true }),
  };
}
