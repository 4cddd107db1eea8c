import { describe, expect, it } from "vitest";
import type { RawFormatName } from "../src/raw-format.js";
import { rawFormats } from "../src/raw-formats.js";
import { fuzz } from "./support/fuzz.js";
import { temporary } from "./support/logs.js";

describe("fuzzed logs", () => {
  // `node packages/datasets/scripts/fuzz.mjs --seconds 1800` does the same for longer.
  it.each(Object.keys(rawFormats) as RawFormatName[])("of %s are parsed as the oracle parses them", async (format) => {
    using directory = temporary();
    const report = await fuzz({ format, seconds: 1, seed: 1, directory: directory.path });
    expect(report.accepted).toBeGreaterThan(10);
    expect(report.rejected).toBeGreaterThan(10);
  });
});
