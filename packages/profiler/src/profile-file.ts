import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "@fae/core";
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

/**
 * Writes a profile to a directory: `profile.json`, `counts.u32` (4 bytes per row of all tables) and `report.html`. Each file
 * appears whole, `profile.json` last.
 */
export async function writeProfile(directory: string, { profile, counts }: ProfileResult): Promise<void> {
  await mkdir(directory, { recursive: true });
  const hash = createHash("sha256");
  const tables = counts.map((table) => Buffer.from(table.buffer, table.byteOffset, table.byteLength));
  for (const table of tables) hash.update(table);
  await writeWhole(join(directory, countsName), tables);
  await writeWhole(join(directory, reportName), [Buffer.from(profileHtml(profile))]);
  const text = `${JSON.stringify({ profile: profileSchema.parse(profile), counts: { file: countsName, sha256: hash.digest("hex") } }, null, 2)}\n`;
  await writeWhole(join(directory, profileName), [Buffer.from(text)]);
}

/** @throws DataError when the directory holds no profile of this version, or a damaged one. */
export async function readProfile(directory: string): Promise<Profile> {
  return (await readRecord(directory)).profile;
}

/** The access counts beside a profile, in shared memory. @throws DataError when they are missing or damaged. */
export async function readCounts(directory: string): Promise<Uint32Array[]> {
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
  const hash = createHash("sha256");
  const file = await open(path, "r");
  try {
    const tables: Uint32Array[] = [];
    for (const { rows } of profile.tables) {
      const table = new Uint32Array(new SharedArrayBuffer(4 * rows));
      const bytes = new Uint8Array(table.buffer);
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, done, Math.min(bytes.length - done, 2 ** 28), null);
        if (bytesRead === 0)
          throw new DataError(`'${path}' ended while it was read.`, {
            fix: "Leave the file alone while it is in use.",
            details: { path },
          });
        done += bytesRead;
      }
      hash.update(bytes);
      tables.push(table);
    }
    if (hash.digest("hex") !== counts.sha256)
      throw new DataError(`'${path}' is damaged: its sha256 is not the one in ${profileName}.`, {
        fix: "Profile the data set again.",
        details: { path, expected: counts.sha256 },
      });
    return tables;
  } finally {
    await file.close();
  }
}

async function readRecord(directory: string): Promise<z.infer<typeof fileSchema>> {
  const path = join(directory, profileName);
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

async function writeWhole(path: string, parts: readonly Buffer[]): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, "w");
  try {
    for (const part of parts)
      for (let done = 0; done < part.length; ) {
        const { bytesWritten } = await file.write(part, done, Math.min(part.length - done, 2 ** 28));
        done += bytesWritten;
      }
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
