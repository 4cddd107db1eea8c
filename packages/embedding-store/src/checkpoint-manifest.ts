import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import {
  checkArguments,
  DataError,
  expectFile,
  idRules,
  is,
  layoutLimits,
  logNames,
  type Program,
  readSmallFile,
} from "@fae/core";
import * as z from "zod";
import { digestOf } from "./canonical.js";
import { checkpointPattern, listCheckpoints, manifestName, otherCheckpoint } from "./checkpoint-list.js";

/** 1: full checkpoints. 2: those with a base. 3: either, with what its ids mean. */
const versions = [1, 2, 3] as const;
/** Version that is written. */
export const checkpointVersion = 3;

const whole = z.int().min(0);

const manifestSchema = z.strictObject({
  format: z.literal("fae-checkpoint"),
  version: z.literal(versions),
  program: z.strictObject({
    name: z.string(),
    /** Of the program's mathematics, not of its name and initial values. */
    digest: z.string(),
    width: whole.max(layoutLimits.rows),
    tables: z.array(z.strictObject({ name: z.string(), rows: whole.max(layoutLimits.rows) })),
    params: z.array(z.strictObject({ name: z.string(), shape: z.array(whole) })),
  }),
  optimizer: z.strictObject({
    name: z.enum(["sgd", "adagrad", "rowwise-adagrad", "adam"]),
    epsilon: z.number(),
    beta1: z.number(),
    beta2: z.number(),
  }),
  /** Updates done. */
  step: whole,
  /** Digest of the data set whose ids the rows have, before any packing; null when not told. */
  data: z.string().nullable(),
  /** What the ids of the rows mean (`IdMapping` of core); versions 1 and 2 lack it. */
  ids: z
    .strictObject({
      source: z.enum(logNames),
      tables: z.array(
        z.strictObject({
          table: z.string(),
          rows: whole,
          rule: z.enum(idRules),
          modulo: whole.nullable(),
          digest: z.string(),
        }),
      ),
    })
    .optional(),
  files: z.array(
    z.strictObject({
      name: z.string().regex(/^[\w.-]+\.safetensors$/),
      bytes: whole,
      sha256: z.string(),
      tensors: z.array(z.string()),
    }),
  ),
  state: z.json(),
  /** The full checkpoint beside it that has the rows this one lacks: its directory's name and its manifest's digest. */
  base: z.strictObject({ name: z.string().regex(checkpointPattern), digest: z.string() }).optional(),
});

/** What a checkpoint holds. Rows are in original ids. */
export type CheckpointManifest = z.infer<typeof manifestSchema>;

/** A checkpoint directory with its manifest read and checked, its tensors not yet. */
export interface Checkpoint {
  readonly path: string;
  readonly manifest: CheckpointManifest;
  /** Of a checkpoint that holds only changed rows: the full one with the others; null for a full one. */
  readonly base: Checkpoint | null;
}

/** A full checkpoint as others name it. */
export type BaseReference = NonNullable<CheckpointManifest["base"]>;

/** The full checkpoint that a new one of changed rows can refer to: this one, or its base. */
export function baseReference({ path, manifest, base }: Checkpoint): BaseReference {
  const full = base ?? { path, manifest };
  return { name: basename(full.path), digest: digestOf(full.manifest) };
}

/** Identifies what a program computes. */
export const programDigest = ({ denseFeatures, steps, width, tables, params, nodes, logit }: Program): string =>
  digestOf({
    denseFeatures,
    steps,
    width,
    tables: tables.map(({ name, rows }) => ({ name, rows })),
    params: params.map(({ name, shape }) => ({ name, shape })),
    nodes,
    logit,
  });

/** Text of a manifest with its own digest, so that a flipped bit in it is seen. */
export const formatManifest = (manifest: CheckpointManifest): string =>
  `${JSON.stringify({ ...manifest, digest: digestOf(manifest) }, null, 2)}\n`;

/**
 * Opens a checkpoint: its own directory, or a directory of checkpoints, whose latest is taken. Reads the manifest (and that
 * of the full checkpoint which it builds on) and checks that the files are there with their sizes; `verifyCheckpoint` checks
 * every byte.
 *
 * @throws DataError naming what is missing, damaged or of another version.
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  checkArguments("openCheckpoint", { path: [path, is.text] });
  const directory = await checkpointDirectory(path);
  const manifest = await readManifest(directory);
  await expectFiles(directory, manifest);
  return { path: directory, manifest, base: manifest.base ? await openBase(directory, manifest, manifest.base) : null };
}

async function openBase(
  directory: string,
  own: CheckpointManifest,
  { name, digest }: BaseReference,
): Promise<Checkpoint> {
  const path = join(dirname(directory), name);
  const refused = async (what: string): Promise<DataError> =>
    new DataError(`Checkpoint '${directory}' holds only the rows changed since '${name}', which ${what}.`, {
      fix: await otherCheckpoint(directory, name),
      details: { path, expected: digest },
    });
  const isThere = await stat(join(path, manifestName)).then(
    () => true,
    () => false,
  );
  if (!isThere) throw await refused("is not beside it");
  const manifest = await readManifest(path);
  if (digestOf(manifest) !== digest) throw await refused("is another one now: its digest differs");
  if (manifest.base || digestOf(modelOf(manifest)) !== digestOf(modelOf(own)))
    throw await refused("is no full checkpoint of the same model");
  await expectFiles(path, manifest);
  return { path, manifest, base: null };
}

const modelOf = ({ program, optimizer, data }: CheckpointManifest) => ({ program, optimizer, data });

async function expectFiles(directory: string, manifest: CheckpointManifest): Promise<void> {
  for (const file of manifest.files) {
    const filePath = join(directory, file.name);
    const found = await stat(filePath).then(
      (entry) => entry.size,
      () => null,
    );
    if (found !== file.bytes)
      throw new DataError(
        `Checkpoint '${directory}' is damaged: '${file.name}' ${found === null ? "is missing" : `has ${found} bytes`}, the manifest says ${file.bytes}.`,
        { fix: await otherCheckpoint(directory), details: { path: filePath, found, expected: file.bytes } },
      );
  }
}

async function checkpointDirectory(path: string): Promise<string> {
  const isCheckpoint = await stat(join(path, manifestName)).then(
    () => true,
    () => false,
  );
  if (isCheckpoint) return path;
  const latest = (await listCheckpoints(path)).at(-1);
  if (latest === undefined)
    throw new DataError(`There is no checkpoint in '${path}'.`, {
      fix: "Give a directory that a training run has written checkpoints to.",
      details: { path },
    });
  return latest.path;
}

async function readManifest(directory: string): Promise<CheckpointManifest> {
  const path = join(directory, manifestName);
  const damaged = async (what: string, cause?: unknown): Promise<DataError> =>
    new DataError(`Checkpoint '${directory}' is damaged: ${what}.`, {
      fix: await otherCheckpoint(directory),
      details: { path },
      cause,
    });
  expectFile(path);
  let json: unknown;
  try {
    json = JSON.parse(readSmallFile(path));
  } catch (error) {
    throw await damaged(`'${manifestName}' cannot be read`, error);
  }
  const head = z.looseObject({ format: z.literal("fae-checkpoint"), version: z.number() }).safeParse(json);
  if (!head.success) throw await damaged(`'${manifestName}' is not a checkpoint's`, head.error);
  if (!versions.some((version) => version === head.data.version))
    throw new DataError(
      `Checkpoint '${directory}' has version ${head.data.version}; this program reads ${versions.join(", ")}.`,
      {
        fix: "Use the version of FAE that wrote it.",
        details: { path, found: head.data.version, expected: versions },
      },
    );
  const { digest, ...rest } = head.data as Record<string, unknown>;
  if (digest !== digestOf(rest)) throw await damaged(`the digest of '${manifestName}' does not match its content`);
  const manifest = manifestSchema.safeParse(rest);
  if (!manifest.success) throw await damaged(z.prettifyError(manifest.error), manifest.error);
  return manifest.data;
}

/** Where the rows of a table of a checkpoint are. */
export interface TableFiles {
  readonly table: string;
  /** Safetensors file with all rows, by original id. */
  readonly all: string;
  /** Safetensors file with rows that are newer, and their ids; null in a full checkpoint. */
  readonly changed: string | null;
}

/** @throws DataError naming the tables when there is no such table */
export async function tableFiles(path: string, name: string | undefined): Promise<TableFiles> {
  const checkpoint = await openCheckpoint(path);
  const { program } = checkpoint.manifest;
  const table = name ?? (program.tables.length === 1 ? program.tables[0].name : "");
  const full = checkpoint.base ?? checkpoint;
  const all = fileOf(full, table);
  const changed = fileOf(checkpoint, table);
  if (all === undefined || changed === undefined)
    throw new DataError(`Checkpoint '${checkpoint.path}' has no table '${name ?? "(not named)"}'.`, {
      fix: `Its tables are ${program.tables.map((entry) => entry.name).join(", ")}.`,
      details: { path: checkpoint.path, tensor: name, names: program.tables.map((entry) => entry.name) },
    });
  return { table, all, changed: full === checkpoint ? null : changed };
}

function fileOf({ path, manifest }: Checkpoint, tensor: string): string | undefined {
  const file = manifest.files.find(({ tensors }) => tensors.includes(tensor));
  return file && join(path, file.name);
}
