import { FaeError } from "@fae/core";
import { describe, expect, it } from "vitest";
import { statusCodes } from "./binding.js";
import { failureOf } from "./failure.js";
import { loadNative, type NativeName } from "./load.js";
import { nativeMissing } from "./testing.js";

describe("loading native engines", () => {
  it("says what was tried and how to get a missing one", () => {
    const load = () => loadNative("none" as NativeName);
    expect(load).toThrow(FaeError);
    expect(load).toThrow(
      /native none engine is not there\. Tried local build .*fae-none\.node: not found; platform package/,
    );
    expect(load).toThrow(/npx fae-build-native/);
    expect.assertions(4);
    try {
      load();
    } catch (error) {
      expect(error).toMatchObject({ code: "ERR_NATIVE_MISSING", details: { engine: "none" } });
    }
  });

  it.skipIf(nativeMissing("cpu"))("gives the whole surface", () => {
    const binding = loadNative("cpu");
    for (const name of ["machine", "open", "run", "evaluate", "read", "write", "memory", "close"] as const)
      expect(binding[name]).toBeTypeOf("function");
  });
});

describe("native failures", () => {
  const native = (status: number, details = "") => Object.assign(new Error("What. Fix."), { status, details });

  it("become the error of their status, with their details", () => {
    statusCodes.slice(1).forEach((code, i) => {
      const failure = failureOf(native(i + 1, '{"step":3}'));
      expect(failure).toBeInstanceOf(FaeError);
      expect(failure).toMatchObject({ code, message: "What. Fix.", details: { step: 3 } });
    });
    expect(failureOf(native(2))).toMatchObject({ code: "ERR_DATA", details: {} });
    expect(failureOf(native(99))).toMatchObject({ code: "ERR_ENGINE" });
  });

  it("leave other errors alone", () => {
    const error = new TypeError("no");
    expect(failureOf(error)).toBe(error);
  });
});
