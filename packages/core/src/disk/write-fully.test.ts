import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeFully, writeFullyTo } from "./write-fully.js";

/** A file whose writes take at most `most` bytes each. */
function shortFile(most: number) {
  const held: number[] = [];
  return {
    held,
    async write(bytes: Uint8Array, offset: number, length: number, position: number | null) {
      const bytesWritten = Math.min(most, length);
      for (let i = 0; i < bytesWritten; i++) held[position === null ? held.length : position + i] = bytes[offset + i];
      return { bytesWritten };
    },
  };
}

test("a file that takes a part of what it is given gets the rest", async () => {
  const bytes = Uint8Array.from({ length: 10 }, (_, i) => i);
  for (const position of [null, 0]) {
    const file = shortFile(3);
    await writeFullyTo(file, bytes, "a", position);
    expect(file.held).toEqual([...bytes]);
  }
});

test("a file that takes nothing is an error with its path", async () => {
  const failed = { code: "EIO", path: "some/file" };
  await expect(writeFullyTo(shortFile(0), Uint8Array.of(1), "some/file")).rejects.toMatchObject(failed);
});

test("errors of open files get the path", () => {
  const root = mkdtempSync(join(tmpdir(), "fae-write-"));
  const path = join(root, "a");
  const file = openSync(path, "w");
  writeFully(file, Uint8Array.of(1, 2), path);
  writeFully(file, Uint8Array.of(3), path, 1);
  expect([...readFileSync(path)]).toEqual([1, 3]);
  closeSync(file);
  const readOnly = openSync(path, "r");
  const refused = (() => {
    try {
      writeFully(readOnly, Uint8Array.of(1), path);
    } catch (error) {
      return error;
    }
  })();
  expect(refused).toMatchObject({ code: "EBADF", path });
  closeSync(readOnly);
  rmSync(root, { recursive: true });
});
