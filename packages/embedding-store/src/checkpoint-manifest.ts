import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError, type Program } from "@fae/core";
import * as z from "zod";
import { digestOf } from "./canonical.js";

export const manifestName = "manifest.json";
const version = 1;

const whole = z.int().min(0);

const manifestSchema = z.strictObject({
  format: z.literal("fae-checkpoint"),
  version: z.literal(version),
  program: z.strictObject({
    name: z.string(),
    /** Of the program's mathematics, not of its name and initial values. */
    digest: z.string(),
    width: whole,
    tables: z.array(z.strictObject({ name: z.string(), rows: whole })),
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
  files: z.array(
    z.strictObject({
      name: z.string().regex(/^[\w.-]+\.safetensors$/),
      bytes: whole,
      sha256: z.string(),
      tensors: z.array(z.string()),
    }),
  ),
  state: z.json(),
});

/** What a checkpoint holds. Rows are in original ids. */
export type CheckpointManifest = z.infer<typeof manifestSchema>;

/** A checkpoint directory with its manifest read and checked, its tensors not yet. */
export interface Checkpoint {
  readonly path: string;
  readonly manifest: CheckpointManifest;
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

/** Directory name of a checkpoint; `copy` tells apart several of one step. */
export const checkpointName = (step: number, copy: number): string =>
  `step-${String(step).padStart(12, "0")}${copy === 0 ? "" : `.${copy}`}`;

interface Listed {
  readonly path: string;
  readonly step: number;
  readonly copy: number;
}

/** Checkpoints in a directory, oldest first. Unfinished ones are not there. */
export async function listCheckpoints(root: string): Promise<Listed[]> {
  const names = await readdir(root).catch(() => []);
  return names
    .flatMap((name) => {
      const [, step, copy] = /^step-(\d{12})(?:\.(\d+))?$/.exec(name) ?? [];
      return step === undefined ? [] : [{ path: join(root, name), step: Number(step), copy: Number(copy ?? 0) }];
    })
    .sort((a, b) => a.step - b.step || a.copy - b.copy);
}

/**
 * Opens a checkpoint: its own directory, or a directory of checkpoints, whose latest is taken. Reads the manifest and checks
 * that the files are there with their sizes; `verifyCheckpoint` checks every byte.
 *
 * @throws DataError naming what is missing, damaged or of another version.
 */
export async function openCheckpoint(path: string): Promise<Checkpoint> {
  const directory = await checkpointDirectory(path);
  const manifest = await readManifest(directory);
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
  return { path: directory, manifest };
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
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw await damaged(`'${manifestName}' cannot be read`, error);
  }
  const head = z.looseObject({ format: z.literal("fae-checkpoint"), version: z.number() }).safeParse(json);
  if (!head.success) throw await damaged(`'${manifestName}' is not a checkpoint's`, head.error);
  if (head.data.version !== version)
    throw new DataError(`Checkpoint '${directory}' has version ${head.data.version}; this program reads ${version}.`, {
      fix: "Use the version of FAE that wrote it.",
      details: { path, found: head.data.version, expected: version },
    });
  const { digest, ...rest } = head.data as Record<string, unknown>;
  if (digest !== digestOf(rest)) throw await damaged(`the digest of '${manifestName}' does not match its content`);
  const manifest = manifestSchema.safeParse(rest);
  if (!manifest.success) throw await damaged(z.prettifyError(manifest.error), manifest.error);
  return manifest.data;
}

/** The fix for a damaged checkpoint: the latest other one beside it. */
export async function otherCheckpoint(directory: string): Promise<string> {
  const others = (await listCheckpoints(join(directory, ".."))).filter((entry) => join(entry.path) !== join(directory));
  const other = others.at(-1);
  return other === undefined
    ? "There is no other checkpoint beside it; copy it again from where it was written."
    : `Use '${other.path}' instead.`;
}

/** Path of the file that holds a tensor of a checkpoint. @throws DataError naming the tables when there is no such tensor. */
export async function tensorFile(path: string, tensor: string | undefined): Promise<string> {
  const checkpoint = await openCheckpoint(path);
  const { files, program } = checkpoint.manifest;
  const only = program.tables.length === 1 ? program.tables[0].name : undefined;
  const file = files.find((entry) => entry.tensors.includes(tensor ?? only ?? ""));
  if (file === undefined)
    throw new DataError(`Checkpoint '${checkpoint.path}' has no table '${tensor ?? "(not named)"}'.`, {
      fix: `Its tables are ${program.tables.map((entry) => entry.name).join(", ")}.`,
      details: { path: checkpoint.path, tensor, names: program.tables.map((entry) => entry.name) },
    });
  return join(checkpoint.path, file.name);
}
