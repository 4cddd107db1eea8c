import { closeSync, openSync, readSync } from "node:fs";
import { type PreparedData, strideBytes } from "@fae/core";

/** Training inputs [from, to) of a data set, in memory. @throws RangeError when the file ends before them */
export function trainingWords({ splits, layout }: PreparedData, from: number, to: number): Uint32Array {
  const path = splits.train?.path ?? "";
  const stride = strideBytes(layout);
  const bytes = new Uint8Array((to - from) * stride);
  const file = openSync(path, "r");
  try {
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(file, bytes, done, bytes.length - done, from * stride + done);
      if (read === 0) throw new RangeError(`${path} is shorter than its manifest says`);
      done += read;
    }
  } finally {
    closeSync(file);
  }
  return new Uint32Array(bytes.buffer);
}
