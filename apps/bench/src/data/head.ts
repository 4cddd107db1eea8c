import { mkdir, open, symlink } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, type PreparedData, type SplitName, strideBytes, writeFullyTo } from "@fae/core";
import { openPrepared, readManifest, writeManifest } from "@fae/datasets";
import { classifyInputs } from "@fae/profiler";
import type { Bench } from "../scenario.js";
import { cached } from "./cache.js";

/** Inputs to keep of each split; hot and cold follow from train. */
export type HeadSizes = Readonly<Record<"train" | "val" | "test", number>>;

/**
 * The first inputs of a packed data set, as a packed data set of its own: the hot rows are those of the whole log, so that a
 * short run sees the hot share of a long one.
 * @throws ConfigError for data packed without classes
 */
export async function headOf(bench: Bench, data: PreparedData, sizes: HeadSizes): Promise<PreparedData> {
  if (data.packed && !data.splits.hot)
    throw new ConfigError(`'${data.directory}' was packed without classes, which fae reads.`, {
      fix: "Give data packed with them, or not packed at all: the bench packs what is not.",
      details: { option: "data", path: data.directory },
    });
  const wanted = Object.fromEntries(
    (["train", "val", "test"] as const).map((split) => [split, Math.min(sizes[split], data.splits[split]?.rows ?? 0)]),
  ) as HeadSizes;
  if (
    wanted.train === data.splits.train?.rows &&
    wanted.val === data.splits.val?.rows &&
    wanted.test === data.splits.test?.rows
  )
    return data;
  const name = `${data.source}-head-${wanted.train}`;
  const key = { digest: data.digest, packed: data.packed, ...wanted };
  const directory = await cached(bench, name, key, (target) => writeHead(data, wanted, target));
  return openPrepared(directory);
}

async function writeHead(data: PreparedData, sizes: HeadSizes, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  const manifest = await readManifest(data.directory);
  const kept: [SplitName, number][] = (["train", "val", "test"] as const)
    .filter((split) => data.splits[split])
    .map((split) => [split, sizes[split]]);
  const splits: typeof manifest.splits = {};
  for (const [split, rows] of kept) splits[split] = await copyInputs(data, split, rows, target);
  let { packed } = manifest;
  if (packed) {
    const { hot } = await classifyInputs({
      source: { layout: data.layout, rows: sizes.train, storage: { kind: "file", path: join(target, "train.rows") } },
      tables: data.tables,
      hotRows: packed.hotRows,
    });
    splits.hot = await copyInputs(data, "hot", hot, target);
    splits.cold = await copyInputs(data, "cold", sizes.train - hot, target);
    packed = { ...packed, hotInputs: hot, hotPositives: splits.hot.positives };
  }
  const originalIds = data.packed?.originalIdsPaths.map((_, t) => `original-${t}.u32`) ?? [];
  for (const [t, path] of (data.packed?.originalIdsPaths ?? []).entries())
    await symlink(path, join(target, originalIds[t]));
  const positives = (["train", "val", "test"] as const).reduce(
    (sum, split) => sum + (splits[split]?.positives ?? 0),
    0,
  );
  const inputs = kept.reduce((sum, [, rows]) => sum + rows, 0);
  writeManifest(target, {
    ...manifest,
    splits,
    tables: manifest.tables.map((table) => ({ ...table, vocabulary: null })),
    labelRate: positives / Math.max(1, inputs),
    options: { ...manifest.options, head: sizes.train },
    ...(packed ? { packed: { ...packed, originalIds } } : {}),
  });
}

const chunkBytes = 2 ** 23;

async function copyInputs(
  data: PreparedData,
  split: SplitName,
  rows: number,
  target: string,
): Promise<{ file: string; rows: number; positives: number }> {
  const file = `${split}.rows`;
  const stride = strideBytes(data.layout);
  const chunk = Buffer.alloc(Math.max(1, Math.floor(chunkBytes / stride)) * stride);
  const from = await open(data.splits[split]?.path ?? "", "r");
  const to = await open(join(target, file), "w");
  let positives = 0;
  try {
    for (let done = 0; done < rows * stride; ) {
      const wanted = Math.min(chunk.length, rows * stride - done);
      const { bytesRead } = await from.read(chunk, 0, wanted, done);
      if (bytesRead < wanted) throw new RangeError(`${file} of ${data.directory} is shorter than its manifest says`);
      for (let at = 0; at < wanted; at += stride) positives += chunk.readInt32LE(at);
      await writeFullyTo(to, chunk.subarray(0, wanted), join(target, file));
      done += wanted;
    }
  } finally {
    await from.close();
    await to.close();
  }
  return { file, rows, positives };
}
