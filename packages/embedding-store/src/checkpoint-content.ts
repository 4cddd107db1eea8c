import {
  elements,
  type IdMapping,
  type OptimizerName,
  type OptimizerSpec,
  type Program,
  readOriginalIds,
  type Session,
  stepOf,
} from "@fae/core";
import {
  type BaseReference,
  type CheckpointManifest,
  checkpointVersion,
  programDigest,
} from "./checkpoint-manifest.js";
import {
  denseTensors,
  expectRows,
  idsTensor,
  inverseOf,
  keysTensor,
  type OriginalIds,
  rowParts,
  sessionRows,
  type TensorShape,
  tableTensors,
} from "./checkpoint-tensors.js";
import type { TensorSource } from "./safetensors-write.js";

/** Rows by table name, as row numbers of the session; a table that is not named has none. */
export type ChangedRows = Readonly<Record<string, Uint32Array>>;

/** What a checkpoint is made of. */
export interface CheckpointSource {
  /** A session, or whatever else has its tensors by their session names. */
  readonly session: Pick<Session, "read">;
  readonly program: Program;
  readonly optimizer: OptimizerSpec;
  /** By table name, for tables in popularity order: rows are saved in original ids. */
  readonly originalIds?: Readonly<Record<string, OriginalIds>>;
  /** Any JSON value that resuming needs: position, scheduler. Comes back as it is. */
  readonly state?: unknown;
  /** Digest of the data set before packing: restoring into a run over other data is refused. */
  readonly data?: string;
  /** What the original ids mean: restoring into a run over ids of another meaning is refused, naming the table. */
  readonly ids?: IdMapping;
  /** Raw keys in the order of original ids, by table of the data set, so that the model serves raw lines without the data set. */
  readonly keys?: readonly KeysOfTable[];
  /**
   * Saves only these rows, all dense parameters, and the name of the full checkpoint in the same directory that has the
   * other rows. Every row that differs from it must be there; more may be.
   */
  readonly changed?: { readonly since: BaseReference; readonly rows: ChangedRows };
  /** Rows read from the session at a time, in bytes; default 16 MiB. */
  readonly chunkBytes?: number;
}

/** The vocabulary of a table. */
export interface KeysOfTable {
  readonly table: string;
  readonly rows: number;
  /** Called once, when its turn comes: one table at a time is in memory. */
  read(): Int32Array;
}

export interface ContentFile {
  readonly name: string;
  readonly tensors: readonly TensorSource[];
}

/** A checkpoint before it is written. */
export interface CheckpointContent {
  readonly head: Omit<CheckpointManifest, "files">;
  readonly files: Iterable<ContentFile> | AsyncIterable<ContentFile>;
}

/** The content of a checkpoint of a session, read from it when it is used. */
export async function sessionContent(source: CheckpointSource): Promise<CheckpointContent> {
  const { session, program, optimizer, state = null, data = null, ids, changed } = source;
  const step = stepOf(await session.read("#step"));
  return {
    head: {
      format: "fae-checkpoint",
      version: checkpointVersion,
      program: {
        name: program.name,
        digest: programDigest(program),
        width: program.width,
        tables: program.tables.map(({ name, rows }) => ({ name, rows })),
        params: program.params.map(({ name, shape }) => ({ name, shape: [...shape] })),
      },
      optimizer: { ...optimizer },
      step,
      data,
      ...(ids && { ids: { source: ids.source, tables: ids.tables.map((table) => ({ ...table })) } }),
      state: state as CheckpointManifest["state"],
      ...(changed && { base: changed.since }),
    },
    files: withKeys(source, changed ? changedFiles(source, changed.rows) : allFiles(source)),
  };
}

async function* withKeys(
  { keys = [] }: CheckpointSource,
  files: CheckpointContent["files"],
): AsyncGenerator<ContentFile> {
  yield* files;
  if (keys.length === 0) return;
  const tensors = keys.map(
    ({ table, rows, read }): TensorSource => ({
      name: keysTensor(table),
      shape: [rows],
      dtype: "I32",
      data: function* () {
        yield read();
      },
    }),
  );
  yield { name: "keys.safetensors", tensors };
}

/** Bytes of the tensors of a checkpoint: what a snapshot of it takes in memory. @param rows changed ones; absent: all */
export function checkpointBytes(program: Program, optimizer: OptimizerName, rows?: ChangedRows): number {
  const values = (tensors: readonly TensorShape[]): number =>
    tensors.reduce((sum, { shape }) => sum + elements(shape), 0);
  const perRow = values(
    (tableTensors(program, optimizer)[0] ?? []).map(({ name, shape }) => ({ name, shape: shape.slice(1) })),
  );
  const tables = program.tables.reduce(
    (sum, table) => sum + (rows ? (rows[table.name]?.length ?? 0) * (perRow + 1) : table.rows * perRow),
    0,
  );
  return 4 * (values(denseTensors(program, optimizer)) + tables);
}

const defaultChunkBytes = 16 * 2 ** 20;

const denseFile = ({ session, program, optimizer }: CheckpointSource): ContentFile => ({
  name: "dense.safetensors",
  tensors: denseTensors(program, optimizer.name).map(({ name, shape }) => ({
    name,
    shape,
    dtype: "F32",
    data: () => inTurn([() => session.read(name)]),
  })),
});

/** Rows of one tensor, read a part at a time. @param rowsOf session rows of the tensor's rows [from, to) */
function rowTensor(
  { session, chunkBytes = defaultChunkBytes }: CheckpointSource,
  { name, shape }: TensorShape,
  rowsOf: (from: number, to: number) => Uint32Array,
): TensorSource {
  const reads = [...rowParts(shape, chunkBytes)].map(
    ({ from, to }) =>
      () =>
        session.read(name, rowsOf(from, to)),
  );
  return { name, shape, dtype: "F32", data: () => inTurn(reads) };
}

async function* allFiles(source: CheckpointSource): AsyncGenerator<ContentFile> {
  const { program, optimizer, originalIds = {} } = source;
  yield denseFile(source);
  for (const [t, tensors] of tableTensors(program, optimizer.name).entries()) {
    const inverse = await inverseOf(originalIds[program.tables[t].name], program.tables[t]);
    yield {
      name: `table-${String(t).padStart(4, "0")}.safetensors`,
      tensors: tensors.map((tensor) => rowTensor(source, tensor, (from, to) => sessionRows(inverse, from, to))),
    };
  }
}

function* changedFiles(source: CheckpointSource, changed: ChangedRows): Generator<ContentFile> {
  const { program, optimizer, originalIds = {} } = source;
  yield denseFile(source);
  const tensors = tableTensors(program, optimizer.name).flatMap((ofTable, t): TensorSource[] => {
    const table = program.tables[t];
    const rows = changed[table.name] ?? new Uint32Array(0);
    const ids = (): Int32Array[] => [originalsOf(originalIds[table.name], table, rows)];
    return [
      { name: idsTensor(table.name), shape: [rows.length], dtype: "I32", data: ids },
      ...ofTable.map(({ name, shape }) =>
        rowTensor(source, { name, shape: [rows.length, ...shape.slice(1)] }, (from, to) => rows.subarray(from, to)),
      ),
    ];
  });
  yield { name: "rows.safetensors", tensors };
}

/** Original ids of session rows. @throws DataError when the order has another number of rows */
function originalsOf(
  original: OriginalIds | undefined,
  table: { readonly name: string; readonly rows: number },
  rows: Uint32Array,
): Int32Array {
  if (original === undefined) return Int32Array.from(rows);
  const order = typeof original === "string" ? readOriginalIds(original, table.name, table.rows) : original;
  expectRows(table, order.length, "given");
  const ids = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) ids[i] = order[rows[i]];
  return ids;
}

/** Results of reads in order, the next read under way while one is used. */
async function* inTurn<A>(reads: readonly (() => Promise<A>)[]): AsyncGenerator<A> {
  let next: Promise<A> | undefined;
  for (const [i, read] of reads.entries()) {
    const current = next ?? read();
    next = undefined;
    const value = await current;
    next = reads[i + 1]?.();
    next?.catch(() => {}); // told when its turn comes; nobody waits for it if the consumer stops
    yield value;
  }
}
