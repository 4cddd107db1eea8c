import { writeAscii, writeDecimal, writeHex, writePadded } from "./ascii.js";
import type { ClickModel } from "./click-model.js";
import { type Click, createClick, drawClick } from "./draw-click.js";
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

/** Writes one drawn input at `at`; returns the position behind. */
type WriteClick = (out: Uint8Array, at: number, click: Click, index: number, day: number) => number;

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
  const click = createClick(model);
  const isRaw = format === "raw";
  const inputBytes = isRaw ? lineBytes : 4 * (1 + click.dense.length + click.rows.length);
  const write = !isRaw ? null : model.source.dense === "hour" ? avazuLine(model) : criteoLine(model);
  const starts = dayStarts(rows, model.shape.days);
  let scratch = new Uint8Array(0);
  return ({ from, to, day }) => {
    const count = to - from;
    const dayRows = starts[day + 1] - starts[day];
    if (scratch.length < count * inputBytes) scratch = new Uint8Array(count * inputBytes);
    const words = new Int32Array(scratch.buffer, 0, Math.floor(scratch.length / 4));
    const counter = scoreCounter();
    let positives = 0;
    let at = 0;
    for (let index = from; index < to; index++) {
      drawClick(model, teacher, click, index, day, Math.floor((24 * (index - starts[day])) / dayRows));
      positives += click.label;
      counter.add(click.logit, click.label);
      at = write ? write(scratch, at, click, index, day) : writeWords(words, at, click);
    }
    return { bytes: scratch.slice(0, write ? at : 4 * at), inputs: count, positives, scores: counter.sums() };
  };
}

/** label, dense (negative: 0), ids. */
function writeWords(words: Int32Array, at: number, click: Click): number {
  const { dense, rows } = click;
  words[at++] = click.label;
  for (let i = 0; i < dense.length; i++) words[at++] = Math.max(0, dense[i]);
  for (let t = 0; t < rows.length; t++) words[at++] = rows[t];
  return at;
}

/** label, 13 counts, 26 hex keys; tabs between, empty where blank. */
function criteoLine(model: ClickModel): WriteClick {
  const keys = createKeys(model).map(({ keyOf }) => keyOf);
  return (out, at, click) => {
    const { dense, missing, rows, blank } = click;
    out[at++] = 48 + click.label;
    for (let i = 0; i < dense.length; i++) {
      out[at++] = tab;
      if (missing[i] === 0) at = writeDecimal(out, at, dense[i]);
    }
    for (let t = 0; t < rows.length; t++) {
      out[at++] = tab;
      if (blank[t] === 0) at = writeHex(out, at, keys[t](rows[t]));
    }
    out[at++] = newline;
    return at;
  };
}

const avazuFirstDay = 14102100;

/** id (unique, 11 to 20 digits), click, YYMMDDHH, 21 keys. */
function avazuLine(model: ClickModel): WriteClick {
  const keys = createKeys(model);
  return (out, at, click, index, day) => {
    const { rows, dense } = click;
    at = writeDecimal(out, at, 1 + ((Math.imul(index, 0x9e3779b1) ^ model.shape.seed) >>> 2));
    at = writePadded(out, at, index, 10);
    at = writeAscii(out, at, click.label === 1 ? ",1," : ",0,");
    at = writeDecimal(out, at, avazuFirstDay + 100 * day + dense[0]);
    for (let t = 0; t < rows.length; t++) {
      out[at++] = comma;
      const key = keys[t].keyOf(rows[t]);
      at = keys[t].kind === "hex" ? writeHex(out, at, key) : writeDecimal(out, at, key);
    }
    out[at++] = newline;
    return at;
  };
}
