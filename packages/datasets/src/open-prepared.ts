import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  checkArguments,
  DataError,
  expectFile,
  type IdMapping,
  is,
  type PreparedData,
  readSmallFile,
  type SplitName,
  strideBytes,
} from "@fae/core";
import { z } from "zod";
import { statedMapping, withIds } from "./id-mapping.js";
import { type Manifest, manifestDigest, manifestName, manifestSchema, manifestVersions } from "./manifest.js";

/**
 * Opens a prepared data set: reads its manifest and checks that every file is there with the size that the manifest implies.
 * Row contents are not read; `checkRows` does that.
 *
 * @throws DataError naming the file, what was found and what was expected.
 */
export async function openPrepared(directory: string): Promise<PreparedData> {
  checkArguments("openPrepared", { directory: [directory, is.text] });
  const root = resolve(directory);
  const manifest = await readManifest(root);
  const { layout, tables } = manifest;
  if (tables.length !== layout.hotness.length) {
    throw new DataError(
      `'${manifestName}' in '${root}' has ${tables.length} tables and ${layout.hotness.length} hotness.`,
      {
        fix: "Prepare the data set again.",
        details: { path: root, found: tables.length, expected: layout.hotness.length },
      },
    );
  }
  const stride = strideBytes(layout);
  const splits: Partial<Record<SplitName, { path: string; rows: number }>> = {};
  for (const name of ["train", "val", "test", "hot", "cold"] as const) {
    const split = manifest.splits[name];
    if (!split) continue;
    const path = join(root, split.file);
    await expectBytes(path, split.rows * stride, `${split.rows} rows of ${stride} bytes`);
    splits[name] = { path, rows: split.rows };
  }
  for (const { name, rows, vocabulary } of tables) {
    if (vocabulary) await expectBytes(join(root, vocabulary.file), rows * 4, `${rows} keys of table '${name}'`);
    const text = vocabulary?.text;
    const sum = text === undefined ? undefined : manifest.files?.[text];
    if (text !== undefined && sum) await expectBytes(join(root, text), sum.bytes, `the keys of table '${name}'`);
  }
  for (const [name, file] of Object.entries(manifest.schema?.groups?.files ?? {})) {
    const rows = splits[name as SplitName]?.rows ?? 0;
    await expectBytes(join(root, file), rows * 4, `groups of ${rows} inputs of ${name}`);
  }
  const { packed } = manifest;
  if (packed) {
    if (packed.originalIds.length !== tables.length || packed.hotRows.length !== tables.length) {
      throw new DataError(`The packed part of '${join(root, manifestName)}' does not cover ${tables.length} tables.`, {
        fix: "Pack the data set again.",
        details: { path: root, found: packed.originalIds.length, expected: tables.length },
      });
    }
    for (const [t, file] of packed.originalIds.entries()) {
      await expectBytes(join(root, file), tables[t].rows * 4, `${tables[t].rows} ids of table '${tables[t].name}'`);
    }
  }
  return {
    directory: root,
    source: manifest.source,
    layout,
    tables: tables.map(({ name, rows }) => ({ name, rows })),
    splits,
    labelRate: manifest.labelRate,
    denseEncoding: layout.denseEncoding,
    digest: manifestDigest(manifest),
    ids: statedMapping(manifest),
    keptNegatives: manifest.options.thinned === "train" ? 1 - Number(manifest.options.dropNegatives) : 1,
    packed: packed
      ? {
          from: packed.from,
          hotRows: packed.hotRows,
          budgetBytes: packed.budgetBytes,
          rowBytes: packed.rowBytes,
          hotInputs: packed.hotInputs,
          originalIdsPaths: packed.originalIds.map((file) => join(root, file)),
        }
      : null,
  };
}

/**
 * What the original ids of a data set mean. A data set that says so costs nothing; of an older one the keys are read and
 * digested, about a second per 300 million keys; of an older pack with 13 bytes of memory per key of its largest table besides.
 * @throws DataError when a vocabulary cannot be read
 */
export async function idMapping(data: Pick<PreparedData, "directory" | "ids">): Promise<IdMapping> {
  checkArguments("idMapping", { data: [data, is.having("what openPrepared returns", { directory: is.text })] });
  const { directory, ids } = data;
  if (ids !== null) return ids;
  const manifest = await readManifest(directory);
  const { source } = manifest;
  return {
    source,
    tables: withIds(directory, manifest).tables.map(({ name, rows, ids }) => ({ table: name, rows, ...ids })),
  };
}

/** Reads and validates `manifest.json` of a prepared data set. @throws DataError */
export async function readManifest(directory: string): Promise<Manifest> {
  checkArguments("readManifest", { directory: [directory, is.text] });
  const path = join(directory, manifestName);
  expectFile(path);
  let text: string;
  try {
    text = readSmallFile(path);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") {
      throw new DataError(`'${path}' cannot be read: ${message}.`, {
        fix: "Check the file and its permissions.",
        details: { path, code },
        cause,
      });
    }
    const unfinished = existsSync(`${directory}.partial`);
    throw new DataError(`'${directory}' is not a prepared data set: it has no ${manifestName}.`, {
      fix: unfinished
        ? `Its preparation was interrupted ('${directory}.partial' exists): run the same prepare again to finish it.`
        : "Give the directory that prepare or synth wrote.",
      details: { path },
      cause,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`'${path}' is not valid JSON.`, {
      fix: "Prepare the data set again.",
      details: { path },
      cause,
    });
  }
  const head = z.looseObject({ format: z.literal("fae-prepared"), version: z.number() }).safeParse(value);
  if (!head.success) {
    throw new DataError(`'${path}' is not the manifest of a prepared data set (no format 'fae-prepared').`, {
      fix: "Give the directory that prepare or synth wrote.",
      details: { path },
    });
  }
  if (!manifestVersions.some((version) => version === head.data.version)) {
    const known = manifestVersions.join(" and ");
    throw new DataError(`'${path}' has version ${head.data.version}; this release reads versions ${known}.`, {
      fix: "Use the release that wrote it, or prepare the data set again.",
      details: { path, found: head.data.version, expected: manifestVersions },
    });
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    throw new DataError(`'${path}' is damaged: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}.`, {
      fix: "Prepare the data set again.",
      details: { path },
      cause: parsed.error,
    });
  }
  return parsed.data;
}

async function expectBytes(path: string, expected: number, meaning: string): Promise<void> {
  const found = await stat(path).then(
    (entry) => entry.size,
    () => null,
  );
  if (found === expected) return;
  throw new DataError(
    found === null
      ? `'${path}' is missing (expected ${meaning}, ${expected} bytes).`
      : `'${path}' has ${found} bytes, expected ${expected} (${meaning}).`,
    { fix: "Copy the data set again or prepare it again.", details: { path, found, expected } },
  );
}
