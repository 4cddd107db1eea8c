import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { DataError } from "@fae/core";

/** The text of a file or of a stream, plain or gzip, piece by piece. @throws DataError when it cannot be read */
export async function* readText(log: string | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source: AsyncIterable<Uint8Array> = typeof log === "string" ? createReadStream(log) : log;
  const pieces = source[Symbol.asyncIterator]();
  try {
    const first = await pieces.next();
    if (first.done) return;
    const all = (async function* () {
      yield first.value;
      yield* { [Symbol.asyncIterator]: () => pieces };
    })();
    yield* isGzip(first.value) ? pipeline(all, createGunzip(), () => {}) : all;
  } catch (cause) {
    const [what, fix, path] =
      typeof log === "string"
        ? [`'${log}'`, "Check the path, its permissions, and that a gzip file is whole.", log]
        : ["The log", "Check what writes it.", "-"];
    throw new DataError(`${what} cannot be read: ${(cause as Error).message}.`, { fix, details: { path }, cause });
  } finally {
    await pieces.return?.();
  }
}

const isGzip = (piece: Uint8Array): boolean => piece[0] === 0x1f && piece[1] === 0x8b;
