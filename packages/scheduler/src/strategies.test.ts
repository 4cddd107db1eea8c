import type { BatchIndex, Problem, Segment, Strategy, TestRequest } from "@fae/core";
import { ConfigError, PlanError } from "@fae/core";
import { describe, expect, it } from "vitest";
import type { OrderState } from "./order-state.js";
import { parseOrderState } from "./order-state.js";
import { strategies, strategy } from "./strategies.js";

const problem: Problem = {
  tables: [
    { name: "emb_l.0.weight", rows: 10 },
    { name: "emb_l.1.weight", rows: 1000 },
  ],
  rowBytes: 16,
  budgetBytes: 30 * 16,
  hotRows: [10, 20],
  devices: 1,
};

const index: BatchIndex = {
  train: { name: "train", rows: 79, batches: 10 },
  hot: { name: "hot", rows: 40, batches: 5 },
  cold: { name: "cold", rows: 39, batches: 5 },
  epochs: 2,
  segmentBatches: 4,
  shuffle: "none",
};

function list(order: ReturnType<Strategy["order"]>): (Segment | TestRequest)[] {
  const steps: (Segment | TestRequest)[] = [];
  for (let step = order.next(); !step.done; step = order.next({ testLoss: 1 })) steps.push(step.value);
  return steps;
}

const names = Object.keys(strategies);
const inOrderNames = names.filter((name) => name !== "fae");

describe.each(names)("%s", (name) => {
  const made = strategy(name);

  it("is in the table under its own name and says what it stands for", () => {
    expect(made.name).toBe(name);
    expect(made.describes.length).toBeGreaterThan(40);
  });

  it("places every table and orders only routes of its plan", () => {
    const plan = made.plan(problem);
    expect(plan.strategy).toBe(name);
    expect(Object.keys(plan.placements)).toEqual(problem.tables.map((table) => table.name));
    for (const step of list(made.order(index, plan, 1)))
      if (step.kind === "segment") expect(plan.routes).toContain(step.route);
  });

  it("is plain data, the same each time", () => {
    const plan = made.plan(problem);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(made.plan(problem));
  });

  it("refuses numbers out of range", () => {
    expect(() => made.plan({ ...problem, lookAhead: 5 })).toThrow(PlanError);
    expect(() => made.plan({ ...problem, lookAhead: 1.5 })).toThrow(/lookAhead is 1.5/);
    expect(() => made.plan({ ...problem, servers: 0 })).toThrow(/servers is 0/);
    expect(() => made.plan({ ...problem, staleness: -1 })).toThrow(/staleness is -1/);
    expect(() => made.order({ ...index, segmentBatches: 0 }, made.plan(problem), 1).next()).toThrow(PlanError);
  });

  it("resumes from each of its states", () => {
    const plan = made.plan(problem);
    const states: OrderState[] = [];
    const all = list(made.resume(index, plan, 1, { observe: (state) => states.push(state) }));
    states.forEach((state, done) => {
      const from = parseOrderState(JSON.parse(JSON.stringify(state)));
      expect(list(made.resume(index, plan, 1, { from }))).toEqual(all.slice(done + 1));
    });
  });
});

describe.each(inOrderNames)("order of %s", (name) => {
  it("is every batch once per epoch, in segments, the last short one kept", () => {
    const steps = list(strategy(name).order(index, strategy(name).plan(problem), 1));
    const lengths = steps.map((step) => (step.kind === "segment" ? step.batches.length : -1));
    expect(lengths).toEqual([4, 4, 2, 4, 4, 2]);
    for (const epoch of [0, 1]) {
      const seen = steps.flatMap((step) => (step.kind === "segment" && step.epoch === epoch ? [...step.batches] : []));
      expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  });

  it("of no inputs is empty", () => {
    const none = { ...index, train: { name: "train", rows: 0, batches: 0 } };
    expect(list(strategy(name).order(none, strategy(name).plan(problem), 1))).toEqual([]);
  });

  it("does not resume with another batch size or strategy", () => {
    const plan = strategy(name).plan(problem);
    const from = { kind: "in-order", epoch: 0, batch: 4, batches: 10 } as const;
    const other = { ...index, train: { name: "train", rows: 79, batches: 20 } };
    expect(() => strategy(name).resume(other, plan, 1, { from }).next()).toThrow(/batch size/);
    expect(() => strategy("fae").resume(index, plan, 1, { from })).toThrow(/kind "in-order"/);
  });
});

describe.each(["fae", "mixed"])("plan of %s", (name) => {
  const { hotRows, ...unprofiled } = problem;

  it("splits each table at its hot rows", () => {
    expect(strategy(name).plan(problem).placements).toEqual({
      "emb_l.0.weight": { on: "split", hotRows: 10 },
      "emb_l.1.weight": { on: "split", hotRows: 20 },
    });
    expect(strategy(name).plan({ ...problem, hotRows: [0, 0] }).placements["emb_l.0.weight"]).toEqual({
      on: "split",
      hotRows: 0,
    });
  });

  it("needs a profile that fits tables and budget", () => {
    const plan = (change: object) => () => strategy(name).plan({ ...unprofiled, ...change });
    expect(plan({})).toThrow(/fae profile/);
    expect(plan({ hotRows: [1] })).toThrow(/1 tables/);
    expect(plan({ hotRows: [11, 1] })).toThrow(/cannot have 11/);
    expect(plan({ hotRows: [1.5, 1] })).toThrow(/cannot have 1.5/);
    expect(plan({ hotRows: [10, 21] })).toThrow(/need 496 bytes .* budget is 480/);
  });
});

describe("strategy", () => {
  it("names the choices when there is none of that name", () => {
    expect(() => strategy("xdl")).toThrow(ConfigError);
    expect(() => strategy("toString")).toThrow(/cpu-only, dlrm-hybrid/);
  });
});

describe("parseOrderState", () => {
  it("names the field that is wrong", () => {
    expect(() => parseOrderState(null)).toThrow(/has state null/);
    expect(() => parseOrderState({ kind: "other" })).toThrow(/has kind "other"/);
    expect(() => parseOrderState({ kind: "in-order", epoch: -1, batch: 0, batches: 1 })).toThrow(/has epoch -1/);
    const fine = { kind: "shuffle", first: "cold", epoch: 0, rate: 50, improvements: 0, previousLoss: null, trace: [] };
    const part = { next: 0, runEnd: 1, batches: 2 };
    expect(() => parseOrderState({ ...fine, first: "train" })).toThrow(/has first "train"/);
    expect(() => parseOrderState({ ...fine, cold: part, hot: { ...part, next: 2 } })).toThrow(/has next 2/);
    expect(() => parseOrderState({ ...fine, cold: part, hot: part, rate: 0.5 })).toThrow(/has rate 0.5/);
    expect(() => parseOrderState({ ...fine, cold: part, hot: part, trace: 1 })).toThrow(/has trace 1/);
    expect(parseOrderState({ ...fine, cold: part, hot: part })).toEqual({ ...fine, cold: part, hot: part });
  });
});
