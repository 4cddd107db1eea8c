import type { Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline, type Transform } from "node:stream";
import * as zlib from "node:zlib";
import { DataError } from "@fae/core";
import { literal, openDatabase, unreadable } from "./duckdb.js";
import type { LogFile } from "./log-files.js";

const pieceBytes = 1 << 20;

/** zlib of Node 22.15 and later. */
const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };

/**
 * Text of a file, unpacked, piece by piece. `hash` gets the bytes as they are stored.
 * @throws DataError when it cannot be read to its end
 */
export async function* textPieces(
  { path, compression }: Pick<LogFile, "path" | "compression">,
  hash: Hash | null,
  onStored: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const stored = (async function* () {
    for await (const piece of createReadStream(path, { highWaterMark: pieceBytes })) {
      hash?.update(piece);
      onStored(piece.length);
      yield piece as Uint8Array;
    }
  })();
  if (compression === "zstd" && !createZstdDecompress) {
    for await (const _ of stored); // for the digest
    yield* zstdLines(path);
    return;
  }
  try {
    yield* unpacked(stored, compression);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`'${path}' cannot be read to its end: ${(cause as Error).message}.`, {
      fix: "Check its permissions, and that it is whole: copy it again.",
      details: { path },
      cause,
    });
  }
}

/** The text of a stream that may be packed. */
export async function* unpacked(
  stored: AsyncIterable<Uint8Array>,
  compression: LogFile["compression"],
): AsyncGenerator<Uint8Array> {
  if (compression === "none") yield* stored;
  else {
    const unpack = compression === "gzip" ? zlib.createGunzip({ chunkSize: pieceBytes }) : createZstdDecompress?.();
    if (!unpack) throw new Error("Zstandard from a stream needs Node 22.15 or later");
    yield* pipeline(stored, unpack, () => {});
  }
}

/** A byte that no text should have: between it a line is one field. */
const never = "\u0001";

/** Text of a Zstandard file by DuckDB, line by line, for a Node that cannot unpack it. Line ends become LF. */
async function* zstdLines(path: string): AsyncGenerator<Uint8Array> {
  using database = await openDatabase(
    `'${path}', Zstandard, under Node ${process.versions.node} (22.15 can by itself),`,
  );
  const { connection } = database;
  const options = `columns={'line': 'VARCHAR'}, header=false, auto_detect=false, delim=${literal(never)}, quote='', escape='', strict_mode=false, compression='zstd'`;
  try {
    const result = await connection.stream(`SELECT line FROM read_csv(${literal(path)}, ${options})`);
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      const column = chunk.getColumnVector(0);
      let text = "";
      for (let i = 0; i < chunk.rowCount; i++) text += `${column.getItem(i) ?? ""}\n`;
      yield Buffer.from(text);
    }
  } catch (cause) {
    throw unreadable(path, "Zstandard text", cause);
  }
}
