import {
  type Job,
  optimizerSpec,
  type Placement,
  Random,
  type RouteName,
  referenceEngine,
  type Session,
  strideWords,
} from "@fae/core";
import { describe, expect, it } from "vitest";
import { temporaryDirectories } from "../test/temporary.js";
import { saveCheckpoint } from "./checkpoint.js";
import { openCheckpoint } from "./checkpoint-manifest.js";
import { restoreCheckpoint } from "./checkpoint-restore.js";

const newDirectory = temporaryDirectories();
const rows = [40, 7];
const program: Job["program"] = {
  name: "two tables",
  denseFeatures: 1,
  steps: 0,
  width: 3,
  tables: rows.map((n, k) => ({ name: `emb_l.${k}.weight`, rows: n, init: { kind: "uniform", bound: 0.5 } })),
  params: [{ name: "top_l.0.weight", shape: [1, 7], init: { kind: "normal", deviation: 0.5 } }],
  nodes: [
    { op: "concat", output: "all", inputs: ["dense", "rows"], params: [], attributes: { keep: 0 } },
    {
      op: "linear",
      output: "logit",
      inputs: ["all"],
      params: ["top_l.0.weight"],
      attributes: { activation: "none", transposed: false },
    },
  ],
  logit: "logit",
};
const layout = { denseFeatures: 1, denseEncoding: "float32", steps: 0, hotness: [1, 2] } as const;
const optimizer = optimizerSpec("adam");

function inputs(count: number): Uint32Array {
  const random = new Random(8);
  const words = new Uint32Array(count * strideWords(layout));
  const floats = new Float32Array(words.buffer);
  for (let i = 0; i < count; i++) {
    words[5 * i] = random.below(2);
    floats[5 * i + 1] = random.next();
    words.set([random.below(40), random.below(7), random.below(7)], 5 * i + 2);
  }
  return words;
}

function open(route: RouteName, place: (n: number) => Placement): Promise<Session> {
  const placements = Object.fromEntries(program.tables.map((table) => [table.name, place(table.rows)]));
  const storage = { kind: "memory", words: inputs(64) } as const;
  return referenceEngine().open({
    program,
    plan: { strategy: "test", placements, routes: [route], devices: 1, lookAhead: 1, servers: 2, staleness: 0 },
    optimizer,
    sources: [{ name: "train", layout, rows: 64, storage, shuffleSeed: null }],
    batch: 8,
    seed: 1,
    threads: 1,
  });
}

const plans: readonly [RouteName, (n: number) => Placement][] = [
  ["host", () => ({ on: "host" })],
  ["server", () => ({ on: "host" })],
  ["device", () => ({ on: "device" })],
  ["mixed", (n) => ({ on: "split", hotRows: Math.ceil(n / 2) })],
];

describe("a checkpoint of a trained session", () => {
  it.each(plans)(
    "saved on route %s is the same after a restore under any plan and popularity order",
    async (route, place) => {
      const root = newDirectory();
      await using session = await open(route, place);
      const segment = {
        kind: "segment",
        route,
        source: "train",
        epoch: 0,
        batches: Uint32Array.of(0, 1, 2, 3),
      } as const;
      await session.run(segment, [0.1, 0.1, 0.1, 0.1]);
      await saveCheckpoint(root, { session, program, optimizer });
      const first = await openCheckpoint(root);
      expect(first.manifest.step).toBe(4);
      for (const [otherRoute, otherPlace] of plans) {
        await using other = await open(otherRoute, otherPlace);
        const original = new Random(3).shuffle(Uint32Array.from({ length: 40 }, (_, i) => i));
        const originalIds = { "emb_l.0.weight": original };
        await restoreCheckpoint(first, { session: other, program, optimizer, originalIds, chunkBytes: 50 });
        const again = newDirectory();
        await saveCheckpoint(again, { session: other, program, optimizer, originalIds, chunkBytes: 70 });
        expect((await openCheckpoint(again)).manifest).toEqual(first.manifest);
      }
    },
  );
});
