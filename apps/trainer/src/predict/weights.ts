import { join } from "node:path";
import { DataError } from "@fae/core";
import { type Checkpoint, finiteWeights, openSafetensors, openTable } from "@fae/embedding-store";

/** A dense parameter of a checkpoint. @throws DataError when it is not there, or not all numbers are finite */
export async function readParameter({ path, manifest }: Checkpoint, name: string): Promise<Float32Array> {
  const entry = manifest.files.find(({ tensors }) => tensors.includes(name));
  if (entry === undefined)
    throw new DataError(`Checkpoint '${path}' has no parameter '${name}'.`, {
      fix: "Use another checkpoint of the run.",
      details: { path, tensor: name },
    });
  await using file = await openSafetensors(join(path, entry.name));
  return finiteWeights(await file.floats(name), name, path);
}

const chunkBytes = 4 * 2 ** 20;

/** All rows of a table of a checkpoint, in the order of original ids, some at a time. @throws DataError naming a row that is not finite */
export async function* readTable({ path }: Checkpoint, name: string): AsyncGenerator<Float32Array> {
  await using table = await openTable(path, name, { cacheBytes: 0 });
  const rows = Math.max(1, Math.floor(chunkBytes / (4 * table.width)));
  for (let from = 0; from < table.rows; from += rows) {
    const values = await table.range(from, Math.min(table.rows, from + rows));
    yield finiteWeights(values, name, path, { from, width: table.width });
  }
}
