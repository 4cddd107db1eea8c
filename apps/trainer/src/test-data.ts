import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Random, type RowLayout, strideWords } from "@fae/core";
import { type Manifest, writeManifest } from "@fae/datasets";

export interface SmallData {
  /** Rows of each table. */
  readonly tables: readonly number[];
  readonly denseFeatures: number;
  readonly steps: number;
  readonly inputs: Readonly<Partial<Record<"train" | "val" | "test", number>>>;
  readonly seed: number;
}

const usual: SmallData = {
  tables: [40, 7, 3],
  denseFeatures: 2,
  steps: 0,
  inputs: { train: 600, val: 120, test: 160 },
  seed: 1,
};

/** Writes a small prepared data set whose labels follow the first table's id, so that training can be seen to help. */
export function writeSmallData(directory: string, given: Partial<SmallData> = {}): string {
  const { tables, denseFeatures, steps, inputs, seed } = { ...usual, ...given };
  const layout: RowLayout = { denseFeatures, denseEncoding: "float32", steps, hotness: tables.map(() => 1) };
  const random = new Random(seed);
  mkdirSync(directory, { recursive: true });
  const splits: Record<string, { file: string; rows: number; positives: number }> = {};
  let positives = 0;
  let total = 0;
  for (const [split, rows] of Object.entries(inputs)) {
    const words = new Int32Array(rows * strideWords(layout));
    const floats = new Float32Array(words.buffer);
    let at = 0;
    let clicks = 0;
    for (let row = 0; row < rows; row++) {
      const labelAt = at++;
      let last = 0;
      for (let step = 0; step < Math.max(1, steps); step++) {
        for (let f = 0; f < denseFeatures; f++) floats[at++] = random.next();
        for (const [t, n] of tables.entries()) {
          // The square makes small ids frequent: real tables are skewed.
          const id = Math.floor(n * random.next() ** 2);
          if (t === 0) last = id;
          words[at++] = id;
        }
      }
      const isClick = random.next() < (last % 2 === 1 ? 0.9 : 0.1);
      words[labelAt] = isClick ? 1 : 0;
      clicks += isClick ? 1 : 0;
    }
    writeFileSync(join(directory, `${split}.rows`), words);
    splits[split] = { file: `${split}.rows`, rows, positives: clicks };
    positives += clicks;
    total += rows;
  }
  writeManifest(directory, {
    format: "fae-prepared",
    version: 1,
    source: "custom",
    sources: [],
    layout: { ...layout, hotness: [...layout.hotness] },
    tables: tables.map((rows, t) => ({ name: `t${t}`, rows, vocabulary: null })),
    splits,
    labelRate: total === 0 ? 0 : positives / total,
    lines: { total: 0, crlf: 0, rejected: 0, byReason: {}, file: null },
    options: {},
  } satisfies Manifest);
  return directory;
}
