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

/**
 * Reads on until a line has ended, or more than `maxBytes` have come.
 * @returns what has arrived by then, whether that is all, the text from its beginning, and what ends the reading
 */
export async function peekLine(text: AsyncIterable<Uint8Array>, maxBytes: number) {
  const pieces = text[Symbol.asyncIterator]();
  const read: Uint8Array[] = [];
  let isWhole = false;
  for (let bytes = 0; bytes <= maxBytes && !read.at(-1)?.includes(lineFeed); ) {
    const { done, value } = await pieces.next();
    isWhole = done === true;
    if (isWhole) break;
    read.push(value);
    bytes += value.length;
  }
  const all = (async function* () {
    yield* read;
    yield* { [Symbol.asyncIterator]: () => pieces };
  })();
  return { start: Buffer.concat(read), isWhole, all, close: async () => void (await pieces.return?.()) };
}

const lineFeed = 10;

const isGzip = (piece: Uint8Array): boolean => piece[0] === 0x1f && piece[1] === 0x8b;
