import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { checkArguments, is, readSmallFile } from "@fae/core";
import * as z from "zod";
import { digestOf } from "./canonical.js";

export const manifestName = "manifest.json";
export const checkpointPattern = /^step-(\d{12})(?:\.(\d+))?$/;

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
  checkArguments("listCheckpoints", { root: [root, is.text] });
  const names = await readdir(root).catch(() => []);
  return names
    .flatMap((name) => {
      const [, step, copy] = checkpointPattern.exec(name) ?? [];
      return step === undefined ? [] : [{ path: join(root, name), step: Number(step), copy: Number(copy ?? 0) }];
    })
    .sort((a, b) => a.step - b.step || a.copy - b.copy);
}

/** The fix for a damaged checkpoint: the latest other one beside it that does not build on it. */
export async function otherCheckpoint(directory: string, damaged = basename(directory)): Promise<string> {
  const others = await listCheckpoints(dirname(directory));
  for (const { path } of others.reverse()) {
    const name = basename(path);
    if (name === basename(directory) || name === damaged) continue;
    const base = await baseNameOf(path);
    if (base !== undefined && base !== damaged) return `Use '${path}' instead.`;
  }
  return "There is no other checkpoint beside it; copy it again from where it was written.";
}

const naming = z.looseObject({ base: z.looseObject({ name: z.string() }).optional() });

/** Name of the checkpoint that one builds on, null for a full one; undefined when its manifest is damaged. */
export async function baseNameOf(directory: string): Promise<string | null | undefined> {
  try {
    const { digest, ...rest } = naming.parse(JSON.parse(readSmallFile(join(directory, manifestName))));
    return digest === digestOf(rest) ? (rest.base?.name ?? null) : undefined;
  } catch {
    return undefined;
  }
}
