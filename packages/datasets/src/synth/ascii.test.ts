import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writeAscii, writeDecimal, writeHex, writePadded, writeShort } from "./ascii.js";

const written = (write: (out: Uint8Array, at: number) => number): string => {
  const out = new Uint8Array(40);
  return Buffer.from(out.subarray(3, write(out, 3))).toString("latin1");
};

describe("number output", () => {
  it("equals JavaScript's own", () => {
    const int = fc.integer({ min: -2147483647, max: 2147483647 });
    fc.assert(fc.property(int, (x) => void expect(written((out, at) => writeDecimal(out, at, x))).toBe(String(x))));
    fc.assert(
      fc.property(fc.integer({ min: -1200, max: 1200 }), (x) => {
        expect(written((out, at) => writeDecimal(out, at, x))).toBe(String(x));
        expect(written((out, at) => writeShort(new DataView(out.buffer), out, at, x))).toBe(String(x));
      }),
    );
    fc.assert(
      fc.property(
        int,
        (x) =>
          void expect(written((out, at) => writeHex(new DataView(out.buffer), at, x))).toBe(
            (x >>> 0).toString(16).padStart(8, "0"),
          ),
      ),
    );
    fc.assert(
      fc.property(
        fc.nat(2147483647),
        (x) => void expect(written((out, at) => writePadded(out, at, x, 10))).toBe(String(x).padStart(10, "0")),
      ),
    );
    expect(written((out, at) => writeAscii(out, at, "pv,"))).toBe("pv,");
  });
});
