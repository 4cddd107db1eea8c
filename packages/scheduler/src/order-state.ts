import { PlanError } from "@fae/core";
import type { InOrderState } from "./in-order.js";
import {
  type ClassState,
  type InputClass,
  type ShuffleState,
  type ShuffleTest,
  shuffleRate,
} from "./shuffle-scheduler.js";

/** Where an order stands, as plain JSON: kept in a checkpoint, handed back to go on exactly there. */
export type OrderState = InOrderState | ShuffleState;

type Fields = Readonly<Record<string, unknown>>;

/** Checks a state that was read back from JSON. @throws PlanError naming the field that is wrong. */
export function parseOrderState(value: unknown): OrderState {
  const fields = object(value, "state");
  if (fields.kind === "in-order")
    return {
      kind: "in-order",
      epoch: whole(fields, "epoch"),
      batch: whole(fields, "batch"),
      batches: whole(fields, "batches"),
    };
  if (fields.kind === "shuffle")
    return {
      kind: "shuffle",
      first: inputClass(fields.first),
      epoch: whole(fields, "epoch"),
      rate: number(fields, "rate", shuffleRate.least, shuffleRate.most),
      improvements: whole(fields, "improvements", shuffleRate.improvementsToDouble - 1),
      previousLoss: fields.previousLoss === null ? null : number(fields, "previousLoss"),
      cold: classState(fields.cold, "cold"),
      hot: classState(fields.hot, "hot"),
      trace: array(fields.trace, "trace").map(shuffleTest),
    };
  throw wrong("kind", fields.kind, `"in-order" or "shuffle"`);
}

function inputClass(value: unknown): InputClass {
  if (value === "cold" || value === "hot") return value;
  throw wrong("first", value, '"cold" or "hot"');
}

function classState(value: unknown, name: string): ClassState {
  const fields = object(value, name);
  const batches = whole(fields, "batches");
  const runEnd = whole(fields, "runEnd", batches);
  return { next: whole(fields, "next", runEnd), runEnd, batches };
}

function shuffleTest(value: unknown): ShuffleTest {
  const fields = object(value, "trace");
  return {
    epoch: whole(fields, "epoch"),
    coldBatches: whole(fields, "coldBatches"),
    hotBatches: whole(fields, "hotBatches"),
    rate: number(fields, "rate", shuffleRate.least, shuffleRate.most),
    testLoss: number(fields, "testLoss"),
  };
}

function object(value: unknown, name: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw wrong(name, value, "an object");
}

function array(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw wrong(name, value, "an array");
}

function number(fields: Fields, name: string, least = -Number.MAX_VALUE, most = Number.MAX_VALUE): number {
  const value = fields[name];
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw wrong(name, value, `a number from ${least} to ${most}`);
}

function whole(fields: Fields, name: string, most = 0xffffffff): number {
  const value = number(fields, name, 0, most);
  if (Number.isInteger(value)) return value;
  throw wrong(name, value, "a whole number");
}

const wrong = (name: string, found: unknown, expected: string) =>
  new PlanError(
    `The saved batch order has ${name} ${typeof found === "bigint" ? found : JSON.stringify(found)}, expected ${expected}.`,
    {
      fix: "Resume from a checkpoint whose file is intact.",
      details: { field: name, found, expected },
    },
  );
