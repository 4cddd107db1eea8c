import { describe, expect, it } from "vitest";
import { PlanError } from "./errors.js";
import type { Placement, Plan, RouteName } from "./plan.js";
import { planProblems, residencyOf } from "./residency.js";

const tables = [
  { name: "a", rows: 10, init: { kind: "zeros" } as const },
  { name: "b", rows: 4, init: { kind: "zeros" } as const },
];
const host: Placement = { on: "host" };
const device: Placement = { on: "device" };
const split: Placement = { on: "split", hotRows: 3 };

const plan = (routes: RouteName[], a: Placement, b: Placement, rest: Partial<Plan> = {}): Plan => ({
  strategy: "test",
  placements: { a, b },
  routes,
  devices: 1,
  lookAhead: 2,
  servers: 1,
  staleness: 0,
  ...rest,
});

describe("residency", () => {
  it.each([
    ["host", plan(["host"], host, host), "host", [0, 0], [0, 0]],
    ["server", plan(["server"], host, host), "server", [0, 0], [0, 0]],
    ["hybrid alone keeps no hot copies", plan(["hybrid"], split, host), "doubled", [0, 0], [0, 0]],
    ["hot and hybrid hold hot rows twice", plan(["hot", "hybrid"], split, device), "doubled", [3, 4], [0, 0]],
    ["mixed holds each row once", plan(["mixed"], split, host), "split", [3, 0], [3, 0]],
    ["hot alone holds each row once", plan(["hot"], split, device), "split", [3, 4], [3, 4]],
    ["device", plan(["device"], device, device), "device", [10, 4], [10, 4]],
  ] as const)("%s", (_, how, regime, hotRows, hostFrom) => {
    expect(residencyOf({ tables }, how)).toEqual({ regime, hotRows, hostFrom });
  });

  it.each([
    ["no route", plan([], host, host), /no route/],
    ["routes that exclude each other", plan(["host", "hybrid"], host, host), /host, hybrid do not go together/],
    ["a device placement without a device route", plan(["server"], host, device), /'b' on host, not device/],
    ["a host placement on route device", plan(["device"], device, host), /'b' on device, not host/],
    ["more hot rows than rows", plan(["mixed"], split, { on: "split", hotRows: 5 }), /'b' has 4 rows.*found 5/],
    ["an unknown table", { ...plan(["host"], host, host), placements: { a: host, b: host, c: host } }, /table 'c'/],
    ["a missing table", { ...plan(["host"], host, host), placements: { a: host } }, /does not place table 'b'/],
    ["a look-ahead of 5", plan(["mixed"], split, split, { lookAhead: 5 }), /lookAhead must be in 0\.\.4, found 5/],
    ["no server", plan(["server"], host, host, { servers: 0 }), /servers must be in 1/],
    ["a negative staleness", plan(["server"], host, host, { staleness: -1 }), /staleness/],
  ] as const)("refuses %s", (_, how, message) => {
    expect(planProblems({ tables }, how).join(" ")).toMatch(message);
    expect(() => residencyOf({ tables }, how)).toThrow(PlanError);
  });
});
