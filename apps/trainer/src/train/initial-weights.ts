import { readFile, stat } from "node:fs/promises";
import { ConfigError, DataError, type Job, type PreparedData, type Session } from "@fae/core";
import {
  expectSameIds,
  finiteWeights,
  inverseOrder,
  openCheckpoint,
  openSafetensors,
  restoreCheckpoint,
  type Safetensors,
} from "@fae/embedding-store";
import { referenceShape } from "@fae/models";
import { expectIds, idsNotStated } from "../export/description.js";
import { modelDirectory } from "./model-directory.js";
import { identityOf } from "./model-state.js";

const valuesPerWrite = 1 << 22;

export interface LoadOptions {
  readonly session: Session;
  readonly job: Job;
  /** The data set that is trained on: the weights must be of ids with the same meaning. */
  readonly data: PreparedData;
  /** Takes optimizer state and the number of updates too. */
  readonly withState: boolean;
}

/** What was taken. */
export interface LoadedWeights {
  /** One line saying what was taken and what not. */
  readonly told: string;
  /** Updates that the session has done already; 0 without state. */
  readonly step: number;
}

/**
 * Writes tables and dense parameters into a session: from a safetensors file with their session names and shapes (or the
 * shapes of the reference implementations, which hold the same values), or from a checkpoint or run directory. Rows are in
 * original ids in both, and what they mean is compared, unless a file of another program does not say it.
 * @throws DataError naming the table whose ids differ, or the tensor that is missing, too much, of another shape or not
 *   finite, before anything of it is written; ConfigError when a file is to give optimizer state
 */
export async function loadWeights(
  path: string,
  { session, job, data, withState }: LoadOptions,
): Promise<LoadedWeights> {
  const { program, optimizer } = job;
  const identity = identityOf(data);
  if (await isDirectory(path)) {
    const checkpoint = await openCheckpoint(await modelDirectory(path));
    expectSameIds(checkpoint, identity);
    const originalIds = originalIdsOf(job);
    const parts = withState ? "all" : "weights";
    await restoreCheckpoint(checkpoint, { session, program, optimizer, originalIds, ...identity, parts });
    const { step } = checkpoint.manifest;
    return withState
      ? {
          step,
          told: `weights, optimizer state and place in the rate schedule of ${checkpoint.path}, step ${step}; the rates are this run's`,
        }
      : {
          step: 0,
          told: `weights of ${checkpoint.path}, step ${step}; not its optimizer state and place in the rate schedule (--init-with-state), nor its rates`,
        };
  }
  if (withState)
    throw new ConfigError(`'${path}' is a file of weights: it has no optimizer state.`, {
      fix: "Leave --init-with-state out, or give the run or checkpoint.",
      details: { option: "init-with-state", path },
    });
  await using file = await openSafetensors(path);
  const meaning = expectIds(file, identity.ids) === null ? `; ${idsNotStated}` : "";
  expectTensors(file, job);
  for (const { name } of program.params) await session.write(name, finiteWeights(await file.floats(name), name, path));
  for (const { name, rows } of program.tables) {
    const originalIdsPath = job.tables?.[name]?.originalIdsPath;
    const sessionRow = originalIdsPath === undefined ? null : inverseOrder(await readWords(originalIdsPath));
    const rowsPerWrite = Math.max(1, Math.floor(valuesPerWrite / program.width));
    for (let from = 0; from < rows; from += rowsPerWrite) {
      const to = Math.min(rows, from + rowsPerWrite);
      const read = await file.floats(name, from * program.width, (to - from) * program.width);
      const values = finiteWeights(read, name, path, { from, width: program.width });
      const ids = sessionRow?.subarray(from, to) ?? Uint32Array.from({ length: to - from }, (_, i) => from + i);
      await session.write(name, values, ids);
    }
  }
  return { step: 0, told: `${file.tensors.size} tensors of ${path}${meaning}` };
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
