import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { crc32c } from "./crc32c.js";
import { record, restartEvent, scalarEvent, versionEvent } from "./event.js";
import { eventScalars, tensorboardWriter } from "./writer.js";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fae-tensorboard-"));
});
afterAll(() => rmSync(root, { recursive: true }));

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("CRC-32C of the standard's check string", () => {
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

/*
 * The bytes below come from Python's struct module and a bitwise CRC:
 *   version = b"\x09" + struct.pack("<d", 1700000000.5) + b"\x1a\x0dbrain.Event:2"
 *   value = lambda tag, x: message(b"\x0a" + len(tag) + tag + b"\x15" + struct.pack("<f", x)), each under b"\x0a"
 *   event = b"\x09" + struct.pack("<d", 1700000001.5) + b"\x10\xac\x02" + b"\x2a" + len(values) + values
 *   record = lambda d: struct.pack("<Q", len(d)) + masked(length) + d + masked(d)
 */
test("records of a version and of two scalars are byte for byte as an independent writer makes them", () => {
  expect(hex(record(versionEvent(1700000000.5)))).toBe(
    "1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b353110",
  );
  const scalars = { "train/loss": 0.25, "train/learning_rate": 0.1 };
  expect(hex(record(scalarEvent({ wallTime: 1700000001.5, step: 300, scalars })))).toBe(
    "3d000000000000006049f1ec0900006040fc54d94110ac022a2f0a110a0a747261696e2f6c6f7373150000803e" +
      "0a1a0a13747261696e2f6c6561726e696e675f7261746515cdcccc3db84a8369",
  );
});

test("steps beyond 32 bits keep their value", () => {
  const event = scalarEvent({ wallTime: 0, step: 2 ** 40, scalars: {} });
  expect(hex(event.subarray(9))).toBe("10808080808020" + "2a00");
});

test("a file holds its version and every step, and can be read before it is closed", () => {
  const directory = join(root, "run", "tensorboard");
  const writer = tensorboardWriter(directory, null, () => 1_700_000_000_500);
  writer.scalars(300, { "train/loss": 0.25 });
  const [name] = readdirSync(directory);
  expect(name).toMatch(/^events\.out\.tfevents\.1700000000\..+\.\d+$/);
  const expected = [
    versionEvent(1700000000.5),
    scalarEvent({ wallTime: 1700000000.5, step: 300, scalars: { "train/loss": 0.25 } }),
  ];
  expect(hex(readFileSync(writer.path))).toBe(expected.map((event) => hex(record(event))).join(""));
  writer.close();
});

test("a resumed run's file begins with a restart: what other files say of later steps is dropped", () => {
  // As above: event = b"\x09" + struct.pack("<d", 1700000000.5) + b"\x10\xc1\x02" + b"\x3a\x02" + b"\x08\x01"
  expect(hex(restartEvent(1700000000.5, 321))).toBe(`09${"00002040fc54d941"}10c1023a020801`);
  const writer = tensorboardWriter(join(root, "resumed"), 320, () => 1_700_000_000_500);
  const expected = [versionEvent(1700000000.5), restartEvent(1700000000.5, 321)];
  expect(hex(readFileSync(writer.path))).toBe(expected.map((event) => hex(record(event))).join(""));
  writer.close();
});

test("events of training become scalars; undefined metrics are left out", () => {
  expect(
    eventScalars({
      kind: "segment",
      step: 64,
      epoch: 0,
      route: "hot",
      batches: 64,
      inputs: 6400,
      loss: 0.5,
      learningRate: 0.1,
      seconds: 2,
      embeddingBytes: 640,
      stages: { forward: 1 },
      toDevice: {},
      toHost: {},
    }),
  ).toEqual({
    "train/loss": 0.5,
    "train/learning_rate": 0.1,
    "train/inputs_per_second": 3200,
    "train/embedding_bytes_per_batch": 10,
    "route/hot_batches": 64,
  });
  const metrics = { inputs: 10, accuracy: 0.9, auc: null, logLoss: 0.4, normalizedEntropy: null, calibration: 1 };
  expect(eventScalars({ kind: "test", step: 64, askedBy: "interval", metrics, seconds: 1 })).toEqual({
    "test/accuracy": 0.9,
    "test/log_loss": 0.4,
    "test/calibration": 1,
  });
});
