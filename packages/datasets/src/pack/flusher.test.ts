import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { newFlusher } from "./flusher.js";

describe("flusher", () => {
  const root = mkdtempSync(join(tmpdir(), "fae-flusher-"));
  afterAll(() => rmSync(root, { recursive: true }));

  it("ends when every file is on the disk, and at once when there is none", async () => {
    const flusher = newFlusher();
    await flusher.end();
    for (const name of ["a", "b", "a"]) {
      writeFileSync(join(root, name), name);
      flusher.begin(join(root, name));
    }
    await flusher.end();
  });

  it("tells the first failure at the end, and only there", async () => {
    const flusher = newFlusher();
    flusher.begin(join(root, "missing"));
    flusher.begin(join(root, "missing too"));
    await new Promise((resume) => setTimeout(resume, 20));
    await expect(flusher.end()).rejects.toThrow(/ENOENT.*missing'/);
  });
});
