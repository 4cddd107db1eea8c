import { ConfigError } from "@fae/core";
import { describe, expect, it } from "vitest";
import { formatBytes, hotSetBytes, parseBytes, rowBytes } from "./budget.js";

describe("rowBytes", () => {
  it("counts a row with its optimizer state", () => {
    expect(rowBytes(16, "sgd")).toBe(64);
    expect(rowBytes(16, "adagrad")).toBe(128);
    expect(rowBytes(16, "rowwise-adagrad")).toBe(68);
    expect(rowBytes(16, "adam")).toBe(192);
    expect(hotSetBytes([10, 0, 5], 16, "rowwise-adagrad")).toBe(15 * 68);
  });
});

describe("byte numbers", () => {
  it.each([
    ["268435456", 2 ** 28],
    ["256MiB", 2 ** 28],
    ["1.5 GiB", 1.5 * 2 ** 30],
    ["2gb", 2e9],
    ["64 b", 64],
    ["0", 0],
  ])("reads %s", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each(["", "MiB", "-1", "1.5", "12 parsecs", "1e9", "constructor"])("refuses '%s'", (text) => {
    expect(() => parseBytes(text)).toThrow(ConfigError);
  });

  it("writes them for people", () => {
    expect([0, 64, 2 ** 28, 1.5 * 2 ** 30, 1000 * 1024, 2 ** 50].map(formatBytes)).toEqual([
      "0 B",
      "64 B",
      "256 MiB",
      "1.5 GiB",
      "1000 KiB",
      "1020 TiB",
    ]);
  });
});
