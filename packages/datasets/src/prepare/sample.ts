import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";

/** Text that is looked at before a file is read: some hundred lines of the known logs, and the longest line that is taken. */
const sampleBytes = 1 << 17;

/** The beginning of a file's text, and whether it is all of it. A broken gzip file gives what can be read. */
export async function sampleText(path: string, isGzip: boolean): Promise<{ text: Uint8Array; isWhole: boolean }> {
  const file = createReadStream(path, { end: 4 * sampleBytes - 1, highWaterMark: sampleBytes });
  const gunzip = createGunzip();
  file.on("error", (error) => gunzip.destroy(error));
  const source = isGzip ? file.pipe(gunzip) : file;
  const pieces: Buffer[] = [];
  let length = 0;
  let isWhole = false;
  try {
    for await (const piece of source) {
      pieces.push(piece);
      length += piece.length;
      if (length > sampleBytes) break;
    }
    isWhole = length <= sampleBytes;
  } catch {
    // A damaged file is found, and named, when it is read; so is one that cannot be opened.
  } finally {
    file.destroy();
    gunzip.destroy();
  }
  return { text: Buffer.concat(pieces).subarray(0, sampleBytes), isWhole };
}
