import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError, checkArguments, DataError, expectFile, is } from "@fae/core";
import { z } from "zod";
import type { ProfileResult } from "./profile.js";
import { type Profile, profileSchema, profileVersion } from "./profile-schema.js";
import { profileHtml } from "./report/html.js";

const profileName = "profile.json";
const countsName = "counts.u32";
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

/**
 * Writes a profile to a directory: `profile.json`, `counts.u32` (4 bytes per row of all tables) and `report.html`. Each file
 * appears whole, `profile.json` last. An older profile is replaced.
 * @throws ConfigError when the directory holds something else
 */
export async function writeProfile(directory: string, made: ProfileResult): Promise<void> {
  checkArguments("writeProfile", {
    directory: [directory, is.text],
    made: [
      made,
      is.having("what profile returns", { profile: is.having("a profile"), counts: is.list(is.a("Uint32Array")) }),
    ],
  });
  const { profile, counts } = made;
  await checkProfileDirectory(directory);
  await mkdir(directory, { recursive: true });
  const sha256 = await writeWhole(join(directory, countsName), counts.map(bytesOf));
  await writeWhole(join(directory, reportName), [Buffer.from(profileHtml(profile))]);
  const text = `${JSON.stringify({ profile: profileSchema.parse(profile), counts: { file: countsName, sha256 } }, null, 2)}\n`;
  await writeWhole(join(directory, profileName), [Buffer.from(text)]);
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
  if ((await readAll(path, tables.map(bytesOf))) !== counts.sha256)
    throw new DataError(`'${path}' is damaged: its sha256 is not the one in ${profileName}.`, {
      fix: "Profile the data set again.",
      details: { path, expected: counts.sha256 },
    });
  return tables;
}

async function readRecord(directory: string): Promise<z.infer<typeof fileSchema>> {
  const path = join(directory, profileName);
  expectFile(path);
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new DataError(`'${directory}' holds no profile: ${profileName} cannot be read.`, {
      fix: "Give the directory that `fae profile` wrote.",
      details: { path },
      cause,
    });
  });
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
  if (version.success && version.data.profile.version !== profileVersion)
    throw new DataError(
      `'${path}' has version ${version.data.profile.version}, this release reads ${profileVersion}.`,
      {
        fix: "Profile the data set again with this release.",
        details: { path, found: version.data.profile.version, expected: profileVersion },
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

const bytesOf = (table: Uint32Array) => new Uint8Array(table.buffer, table.byteOffset, table.byteLength);

const chunkBytes = 2 ** 25;

function* chunksOf(parts: readonly Uint8Array[]): Generator<Uint8Array, void, undefined> {
  for (const part of parts)
    for (let at = 0; at < part.length; at += chunkBytes) yield part.subarray(at, at + chunkBytes);
}

/** Fills the parts, one after the other, from the start of a file; returns the sha256 of what was read. */
async function readAll(path: string, parts: readonly Uint8Array[]): Promise<string> {
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

async function store(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
}

/** Writes a file that appears whole; returns its sha256. */
async function writeWhole(path: string, parts: readonly Uint8Array[]): Promise<string> {
  const hash = createHash("sha256");
  const temporary = `${path}.tmp`;
  // What has the name, left by a killed process or a link of somebody else, is never written through.
  await rm(temporary, { force: true });
  const file = await open(temporary, "wx");
  try {
    for (const chunk of chunksOf(parts)) {
      const writing = store(file, chunk);
      // The system writes meanwhile.
      hash.update(chunk);
      await writing;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  return hash.digest("hex");
}
