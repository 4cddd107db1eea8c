import { writeAscii, writeDecimal, writeHex, writePadded, writeShort } from "./ascii.js";
import type { ClickModel } from "./click-model.js";
import { type Clicks, createClicks, denseColumns, drawClicks } from "./draw-clicks.js";
import { createKeys } from "./keys.js";
import { dayStarts, type Unit } from "./outputs.js";
import type { Teacher } from "./teacher.js";
import { type ScoreSums, scoreCounter } from "./teacher-scores.js";

/** Bytes of one unit, and what its labels are. */
export interface UnitBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly inputs: number;
  readonly positives: number;
  readonly scores: ScoreSums | null;
}

/** Writes the inputs of a unit from its batch; returns the bytes written. */
type WriteClicks = (out: Uint8Array<ArrayBuffer>, clicks: Clicks, unit: Unit) => number;

/** Longest text of one input; Criteo's needs at most 1 + 13 * 12 + 26 * 9 + 1. */
const lineBytes = 400;
const tab = 9;
const comma = 44;
const newline = 10;

/** Makes the function that draws and writes units of a click log with `rows` inputs. */
export function clickUnits(
  model: ClickModel,
  teacher: Teacher,
  format: "raw" | "prepared",
  rows: number,
): (unit: Unit) => UnitBytes {
  const isRaw = format === "raw";
  const inputBytes = isRaw ? lineBytes : 4 * inputWords(model);
  const write = !isRaw ? preparedRows(model) : model.source.dense === "hour" ? avazuLines(model) : criteoLines(model);
  const starts = dayStarts(rows, model.shape.days);
  let clicks = createClicks(model, 0);
  let scratch = new Uint8Array(0);
  return (unit) => {
    const { from, to, day } = unit;
    const count = to - from;
    const dayRows = starts[day + 1] - starts[day];
    const hourOf = (index: number) => Math.floor((24 * (index - starts[day])) / dayRows);
    if (clicks.capacity < count) {
      clicks = createClicks(model, count);
      scratch = new Uint8Array(count * inputBytes);
    }
    drawClicks(model, teacher, clicks, { from, count, day, hourOf });
    const counter = scoreCounter();
    let positives = 0;
    for (let i = 0; i < count; i++) {
      positives += clicks.labels[i];
      counter.add(clicks.logits[i], clicks.labels[i]);
    }
    const length = write(scratch, clicks, unit);
    return { bytes: scratch.slice(0, length), inputs: count, positives, scores: counter.sums() };
  };
}

const inputWords = (model: ClickModel): number => 1 + denseColumns(model) + model.tables.length;

/** label, dense (negative: 0), ids. */
function preparedRows(model: ClickModel): WriteClicks {
  const tables = model.tables.length;
  const columns = denseColumns(model);
  const stride = inputWords(model);
  return (out, { labels, dense, rows, step }, { from, to: until }) => {
    const count = until - from;
    const words = new Int32Array(out.buffer, 0, count * stride);
    // Few inputs at a time: they stay in the nearest cache while their columns are filled in one after the other.
    for (let first = 0; first < count; first += 64) {
      const end = Math.min(count, first + 64);
      for (let i = first, to = i * stride; i < end; i++, to += stride) words[to] = labels[i];
      for (let c = 0; c < columns; c++)
        for (let i = first, to = i * stride + 1 + c; i < end; i++, to += stride)
          words[to] = Math.max(0, dense[c * step + i]);
      for (let t = 0; t < tables; t++)
        for (let i = first, to = i * stride + 1 + columns + t; i < end; i++, to += stride)
          words[to] = rows[t * step + i];
    }
    return words.byteLength;
  };
}

/** label, 13 counts, 26 hex keys; tabs between, empty where blank. */
function criteoLines(model: ClickModel): WriteClicks {
  const keys = createKeys(model);
  const columns = denseColumns(model);
  return (out, { labels, dense, missing, rows, blank, step }, unit) => {
    const count = unit.to - unit.from;
    const view = new DataView(out.buffer);
    let at = 0;
    // Keys of a whole column at a time, in place of its row ids.
    for (const [t, { keyOf }] of keys.entries())
      for (let to = t * step; to < t * step + count; to++) rows[to] = keyOf(rows[to]);
    for (let i = 0; i < count; i++) {
      out[at++] = 48 + labels[i];
      for (let c = 0, from = i; c < columns; c++, from += step) {
        out[at++] = tab;
        if (missing[from] === 0) at = writeShort(view, out, at, dense[from]);
      }
      for (let t = 0, from = i; t < keys.length; t++, from += step) {
        out[at++] = tab;
        // Written in any case: what is blank is written over.
        writeHex(view, at, rows[from]);
        at += 8 - 8 * blank[from];
      }
      out[at++] = newline;
    }
    return at;
  };
}

const avazuFirstDay = 14102100;

/** id (unique, 11 to 20 digits), click, YYMMDDHH, 21 keys. */
function avazuLines(model: ClickModel): WriteClicks {
  const keys = createKeys(model);
  return (out, { labels, dense, rows, step }, { from, to, day }) => {
    const view = new DataView(out.buffer);
    let at = 0;
    for (let index = from; index < to; index++) {
      const i = index - from;
      at = writeDecimal(out, at, 1 + ((Math.imul(index, 0x9e3779b1) ^ model.shape.seed) >>> 2));
      at = writePadded(out, at, index, 10);
      at = writeAscii(out, at, labels[i] === 1 ? ",1," : ",0,");
      at = writeDecimal(out, at, avazuFirstDay + 100 * day + dense[i]);
      for (let t = 0; t < keys.length; t++) {
        out[at++] = comma;
        const key = keys[t].keyOf(rows[t * step + i]);
        at = keys[t].kind === "hex" ? writeHex(view, at, key) : writeDecimal(out, at, key);
      }
      out[at++] = newline;
    }
    return at;
  };
}
