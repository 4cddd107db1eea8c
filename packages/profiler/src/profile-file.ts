import { createHash } from "node:crypto";
import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  ConfigError,
  checkArguments,
  DataError,
  expectFile,
  is,
  lockPath,
  makeDirectory,
  readSmallFile,
  syncPath,
  withPath,
  writeFullyTo,
} from "@fae/core";
import { z } from "zod";
import type { ProfileResult } from "./profile.js";
import { type Profile, profileSchema, profileVersions } from "./profile-schema.js";
import { profileHtml } from "./report/html.js";

const profileName = "profile.json";
export const countsName = "counts.u32";
const reportName = "report.html";

const fileSchema = z.strictObject({
  profile: profileSchema,
  /** Access counts: uint32 little-endian, table after table. */
  counts: z.strictObject({ file: z.literal(countsName), sha256: z.string() }),
});

/** @throws ConfigError when a profile cannot go to a directory, since something else is in it. An older profile may be. */
export async function checkProfileDirectory(directory: string): Promise<void> {
  checkArguments("checkProfileDirectory", { directory: [directory, is.text] });
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (names.includes(profileName) || names.every((name) => isPart.test(name))) return;
  throw new ConfigError(`${directory} already exists and holds no profile.`, {
    fix: "Name another directory.",
    details: { path: directory, found: names.slice(0, 5) },
  });
}

/** What a profile that was killed while it was written leaves. */
const isPart = /^(?:profile\.json|counts\.u32|report\.html)(?:\.tmp)?$/;

/** A directory that this process alone writes a profile to, until it is closed. */
export interface ProfileDirectory extends Disposable {
  /**
   * Writes `profile.json`, `counts.u32` (4 bytes per row of all tables) and `report.html`. Each file appears whole, `profile.json`
   * last. An older profile is replaced.
   */
  write(result: ProfileResult): Promise<void>;
}

/**
 * Takes a directory for a profile; it need not be there, and is not made before there is something to write.
 * @throws ConfigError when another process has it, or it holds something else
 */
export async function openProfileDirectory(directory: string): Promise<ProfileDirectory> {
  checkArguments("openProfileDirectory", { directory: [directory, is.text] });
  const lock = await lockPath(directory);
  try {
    await checkProfileDirectory(directory);
  } catch (error) {
    lock.release();
    throw error;
  }
  return { write: (result) => writeFiles(directory, result), [Symbol.dispose]: lock.release };
}

/** Writes a profile to a directory. @throws as `openProfileDirectory` */
export async function writeProfile(directory: string, made: ProfileResult): Promise<void> {
  checkArguments("writeProfile", {
    directory: [directory, is.text],
    made: [
      made,
      is.having("what profile returns", { profile: is.having("a profile"), counts: is.list(is.a("Uint32Array")) }),
    ],
  });
  using opened = await openProfileDirectory(directory);
  await opened.write(made);
}

async function writeFiles(directory: string, { profile, counts }: ProfileResult): Promise<void> {
  makeDirectory(directory);
  const sha256 = await writeWhole(join(directory, countsName), counts);
  await writeWhole(join(directory, reportName), [Buffer.from(profileHtml(profile))]);
  const text = `${JSON.stringify({ profile: profileSchema.parse(profile), counts: { file: countsName, sha256 } }, null, 2)}\n`;
  await writeWhole(join(directory, profileName), [Buffer.from(text)]);
  syncPath(directory);
}

/** @throws DataError when the directory holds no profile of this version, or a damaged one. */
export async function readProfile(directory: string): Promise<Profile> {
  checkArguments("readProfile", { directory: [directory, is.text] });
  return (await readRecord(directory)).profile;
}

/** The access counts beside a profile, in shared memory. @throws DataError when they are missing or damaged. */
export async function readCounts(directory: string): Promise<Uint32Array[]> {
  checkArguments("readCounts", { directory: [directory, is.text] });
  const { profile, counts } = await readRecord(directory);
  const path = join(directory, counts.file);
  const expected = profile.tables.reduce((sum, { rows }) => sum + 4 * rows, 0);
  const found = await stat(path).then(
    ({ size }) => size,
    () => null,
  );
  if (found !== expected)
    throw new DataError(
      found === null ? `'${path}' is missing.` : `'${path}' has ${found} bytes, expected ${expected}.`,
      { fix: "Profile the data set again.", details: { path, found, expected } },
    );
  const tables = profile.tables.map(({ rows }) => new Uint32Array(new SharedArrayBuffer(4 * rows)));
  if ((await readAll(path, tables)) !== counts.sha256)
    throw new DataError(`'${path}' is damaged: its sha256 is not the one in ${profileName}.`, {
      fix: "Profile the data set again.",
      details: { path, expected: counts.sha256 },
    });
  return tables;
}

async function readRecord(directory: string): Promise<z.infer<typeof fileSchema>> {
  const path = join(directory, profileName);
  expectFile(path);
  let text: string;
  try {
    text = readSmallFile(path);
  } catch (cause) {
    throw new DataError(`'${directory}' holds no profile: ${profileName} cannot be read.`, {
      fix: "Give the directory that `fae profile` wrote.",
      details: { path },
      cause,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DataError(`'${path}' is not valid JSON.`, {
      fix: "Profile the data set again.",
      details: { path },
      cause,
    });
  }
  const version = z.looseObject({ profile: z.looseObject({ version: z.number() }) }).safeParse(value);
  if (version.success && !profileVersions.some((known) => known === version.data.profile.version))
    throw new DataError(
      `'${path}' has version ${version.data.profile.version}, this release reads ${profileVersions.join(" and ")}.`,
      {
        fix: "Profile the data set again with this release.",
        details: { path, found: version.data.profile.version, expected: profileVersions },
      },
    );
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new DataError(`'${path}' is damaged: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}.`, {
    fix: "Profile the data set again.",
    details: { path },
    cause: parsed.error,
  });
}

const chunkBytes = 2 ** 25;

/** All bytes in chunks: an array of the bytes of a whole table may be longer than an array can be. */
export function* chunksOf(parts: readonly (Uint32Array | Uint8Array)[]): Generator<Uint8Array, void, undefined> {
  for (const { buffer, byteOffset, byteLength } of parts)
    for (let at = 0; at < byteLength; at += chunkBytes)
      yield new Uint8Array(buffer, byteOffset + at, Math.min(chunkBytes, byteLength - at));
}

/** Fills the parts, one after the other, from the start of a file; returns the sha256 of what was read. */
async function readAll(path: string, parts: readonly Uint32Array[]): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path, "r");
  try {
    let last: Uint8Array = new Uint8Array();
    for (const chunk of chunksOf(parts)) {
      const reading = fill(file, chunk, path);
      // The system reads meanwhile.
      hash.update(last);
      await reading;
      last = chunk;
    }
    return hash.update(last).digest("hex");
  } finally {
    await file.close();
  }
}

async function fill(file: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, null);
    if (bytesRead === 0)
      throw new DataError(`'${path}' ended while it was read.`, {
        fix: "Leave the file alone while it is in use.",
        details: { path },
      });
    done += bytesRead;
  }
}

/** Writes a file that appears whole; returns its sha256. */
async function writeWhole(path: string, parts: readonly (Uint32Array | Uint8Array)[]): Promise<string> {
  const hash = createHash("sha256");
  const temporary = `${path}.tmp`;
  // What has the name, left by a killed process or a link of somebody else, is never written through.
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx");
  try {
    for (const chunk of chunksOf(parts)) {
      const writing = writeFullyTo(file, chunk, temporary);
      // The system writes meanwhile.
      hash.update(chunk);
      await writing;
    }
    await file.sync();
  } catch (error) {
    throw withPath(error, temporary);
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  return hash.digest("hex");
}
