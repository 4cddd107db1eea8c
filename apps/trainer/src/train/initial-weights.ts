import { readFile, stat } from "node:fs/promises";
import { DataError, type Job, type Session } from "@fae/core";
import {
  inverseOrder,
  openCheckpoint,
  openSafetensors,
  restoreCheckpoint,
  type Safetensors,
} from "@fae/embedding-store";
import { referenceShape } from "@fae/models";
import { modelDirectory } from "./model-directory.js";

const valuesPerWrite = 1 << 22;

/**
 * Writes tables and dense parameters into a session: from a safetensors file with their session names and shapes (or the
 * shapes of the reference implementations, which hold the same values), or from a checkpoint or run directory. Rows are in original ids in both.
 * @returns one line saying what was loaded
 * @throws DataError naming the tensor that is missing, too much or of another shape, before anything is written
 */
export async function loadWeights(path: string, session: Session, job: Job): Promise<string> {
  const { program, optimizer } = job;
  if (await isDirectory(path)) {
    const checkpoint = await openCheckpoint(await modelDirectory(path));
    const originalIds = originalIdsOf(job);
    await restoreCheckpoint(checkpoint, { session, program, optimizer, originalIds, parts: "weights" });
    return `weights of ${checkpoint.path}, step ${checkpoint.manifest.step}`;
  }
  await using file = await openSafetensors(path);
  expectTensors(file, job);
  for (const { name } of program.params) await session.write(name, await file.floats(name));
  for (const { name, rows } of program.tables) {
    const originalIdsPath = job.tables?.[name]?.originalIdsPath;
    const sessionRow = originalIdsPath === undefined ? null : inverseOrder(await readWords(originalIdsPath));
    const rowsPerWrite = Math.max(1, Math.floor(valuesPerWrite / program.width));
    for (let from = 0; from < rows; from += rowsPerWrite) {
      const to = Math.min(rows, from + rowsPerWrite);
      const values = await file.floats(name, from * program.width, (to - from) * program.width);
      const ids = sessionRow?.subarray(from, to) ?? Uint32Array.from({ length: to - from }, (_, i) => from + i);
      await session.write(name, values, ids);
    }
  }
  return `${file.tensors.size} tensors of ${path}`;
}

/** By table name, the file of original ids of data in popularity order: what checkpoints need. */
export const originalIdsOf = ({ tables = {} }: Pick<Job, "tables">): Record<string, string> =>
  Object.fromEntries(
    Object.entries(tables).flatMap(([name, { originalIdsPath }]) => (originalIdsPath ? [[name, originalIdsPath]] : [])),
  );

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );

async function readWords(path: string): Promise<Uint32Array> {
  const bytes = await readFile(path);
  const words = new Uint32Array(bytes.byteLength / 4);
  new Uint8Array(words.buffer).set(bytes);
  return words;
}

function expectTensors(file: Safetensors, { program }: Job): void {
  const expected = new Map<string, readonly number[]>([
    ...program.params.map(({ name, shape }) => [name, shape] as const),
    ...program.tables.map(({ name, rows }) => [name, [rows, program.width]] as const),
  ]);
  const refusal = (what: string, details: Record<string, unknown>) =>
    new DataError(`${file.path} does not fit model ${program.name}: ${what}.`, {
      fix: "Use weights of this model over data with the same tables.",
      details: { path: file.path, ...details },
    });
  for (const [name, shape] of expected) {
    const found = file.tensors.get(name);
    if (!found) throw refusal(`it has no tensor '${name}' [${shape.join(", ")}]`, { name, expected: shape });
    if (![shape, referenceShape({ name, shape })].some((fitting) => fitting.join() === found.shape.join())) {
      const said = `'${name}' is [${found.shape.join(", ")}], expected [${shape.join(", ")}]`;
      throw refusal(said, { name, found: found.shape, expected: shape });
    }
  }
  for (const name of file.tensors.keys()) {
    if (!expected.has(name)) throw refusal(`the model has no tensor '${name}'`, { name });
  }
}
