import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { temporary } from "../../test/support/logs.js";
import { diskFull, firstText, requireSpace } from "./disk.js";
import { openSink } from "./files.js";

describe("disk space", () => {
  it("is refused when it cannot suffice", () => {
    using directory = temporary();
    requireSpace(directory.path, 1);
    expect(() => requireSpace(directory.path, 1e18)).toThrow(
      expect.objectContaining({
        code: "ERR_DISK_FULL",
        message: expect.stringMatching(/needs about 1000000000.0 GB.*free/),
      }),
    );
  });

  it("is estimated from a few MiB of text, however well a file is compressed", async () => {
    using directory = temporary();
    const path = directory.file("log.gz");
    const packed = gzipSync(Buffer.alloc(64 << 20, 10));
    writeFileSync(path, packed);
    const { text, ratio } = await firstText({ path, isGzip: true, bytes: packed.length });
    expect(text.length).toBeGreaterThanOrEqual(8 << 20);
    expect(text.length).toBeLessThan(9 << 20);
    expect(ratio).toBeGreaterThan(500);
  });

  it("running out while writing is told as a full disk", () => {
    const sink = openSink("/dev/full");
    let caught: unknown;
    try {
      sink.write(new Uint8Array(1 << 20));
    } catch (error) {
      caught = error;
    }
    sink.abandon();
    expect(diskFull(caught, "out")).toMatchObject({ code: "ERR_DISK_FULL", details: { path: "out" } });
    expect(diskFull(new Error("other"), "out")).toBe(null);
    expect(diskFull(null, "out")).toBe(null);
  });
});
