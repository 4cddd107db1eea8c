import { maskedCrc32c } from "./crc32c.js";

/**
 * The protocol buffer messages of an event file: Event { wall_time 1 double, step 2 int64, file_version 3, summary 5,
 * session_log 7 }, Summary { value 1 }, Value { tag 1, simple_value 2 float }, SessionLog { status 1, START is 1 }.
 */
export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly scalars: Readonly<Record<string, number>>;
}

export const versionEvent = (wallTime: number): Uint8Array =>
  Buffer.concat([double(1, wallTime), text(3, "brain.Event:2")]);

/** TensorBoard drops what it has read of this step and later ones. */
export const restartEvent = (wallTime: number, step: number): Uint8Array =>
  Buffer.concat([double(1, wallTime), varint(2 << 3), varint(step), bytes(7, Buffer.from([1 << 3, 1]))]);

export function scalarEvent({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) =>
    bytes(1, Buffer.concat([text(1, tag), float(2, value)])),
  );
  return Buffer.concat([double(1, wallTime), varint(2 << 3), varint(step), bytes(5, Buffer.concat(values))]);
}

/** One TFRecord: length uint64, its masked CRC, the data, their masked CRC; little-endian. */
export function record(data: Uint8Array): Uint8Array {
  const out = Buffer.alloc(12 + data.length + 4);
  out.writeBigUInt64LE(BigInt(data.length), 0);
  out.writeUInt32LE(maskedCrc32c(out.subarray(0, 8)), 8);
  out.set(data, 12);
  out.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
  return out;
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = BigInt(value);
  for (; rest > 0x7fn; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...out, Number(rest)]);
}

function double(field: number, value: number): Buffer {
  const out = Buffer.alloc(9);
  out[0] = (field << 3) | 1;
  out.writeDoubleLE(value, 1);
  return out;
}

function float(field: number, value: number): Buffer {
  const out = Buffer.alloc(5);
  out[0] = (field << 3) | 5;
  out.writeFloatLE(value, 1);
  return out;
}

const bytes = (field: number, value: Uint8Array): Buffer =>
  Buffer.concat([varint((field << 3) | 2), varint(value.length), value]);
const text = (field: number, value: string): Buffer => bytes(field, Buffer.from(value));
