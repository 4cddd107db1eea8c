import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { DataError } from "@fae/core";

/** The text of a file, plain or (by its name) gzip, piece by piece. @throws DataError when it cannot be read */
export async function* readText(path: string): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path);
  const text = path.endsWith(".gz") ? pipeline(file, createGunzip(), () => {}) : file;
  try {
    yield* text as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw new DataError(`'${path}' cannot be read: ${(cause as Error).message}.`, {
      fix: "Check the path, its permissions, and that a .gz file is whole.",
      details: { path },
      cause,
    });
  } finally {
    file.destroy();
  }
}
