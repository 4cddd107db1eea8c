import { PlanError } from "./errors.js";
import type { Placement, Plan, RouteName } from "./plan.js";
import type { Program } from "./program.js";

/**
 * How a plan's tables are held.
 * - `host`, `server`: all rows in host memory.
 * - `doubled` (`hybrid`, with or without `hot`): all rows in host memory, hot ones on the device as well; one copy is authoritative.
 * - `split` (`mixed` and/or `hot`): hot rows only on the device, cold rows only in host memory.
 * - `device`: all rows on the device.
 */
export type Regime = "host" | "server" | "doubled" | "split" | "device";

export interface Residency {
  readonly regime: Regime;
  /** Rows `[0, hotRows[t])` of table t that the device holds; in table order of the program. */
  readonly hotRows: readonly number[];
  /** First row of table t that host memory holds; the table's row count when it holds none. */
  readonly hostFrom: readonly number[];
}

/** Least and greatest values of the numbers of a plan. */
export const planRanges = {
  devices: [0, 1024],
  lookAhead: [0, 4],
  servers: [1, 1024],
  staleness: [0, 1024],
} as const satisfies Partial<Record<keyof Plan, readonly [number, number]>>;

const together: readonly (readonly [Regime, readonly RouteName[]])[] = [
  ["host", ["host"]],
  ["server", ["server"]],
  ["split", ["mixed", "hot"]],
  ["doubled", ["hybrid", "hot"]],
  ["device", ["device", "hot"]],
];

/** Placements that a regime accepts; `all` for those that read any placement as a number of hot rows. */
const accepted: Readonly<Record<Regime, readonly Placement["on"][]>> = {
  host: ["host"],
  server: ["host"],
  doubled: ["host", "device", "split"],
  split: ["host", "device", "split"],
  device: ["device"],
};

const regimeOf = (routes: readonly RouteName[]): Regime | undefined =>
  together.find(([, names]) => routes.every((route) => names.includes(route)))?.[0];

/** Why a plan cannot be carried out by any engine; empty when it can. */
export function planProblems(program: Pick<Program, "tables">, plan: Plan): string[] {
  const problems: string[] = [];
  const regime = regimeOf(plan.routes);
  if (plan.routes.length === 0) problems.push("The plan has no route.");
  else if (!regime) problems.push(`The routes ${plan.routes.join(", ")} do not go together: ${combinations()}.`);
  const names = new Set(program.tables.map((table) => table.name));
  for (const name of Object.keys(plan.placements))
    if (!names.has(name)) problems.push(`The plan places table '${name}', which the program does not have.`);
  for (const { name, rows } of program.tables) {
    const placement = plan.placements[name];
    if (!placement) problems.push(`The plan does not place table '${name}'.`);
    else if (regime && plan.routes.length > 0 && !accepted[regime].includes(placement.on))
      problems.push(
        `Route ${plan.routes[0]} needs table '${name}' on ${accepted[regime].join(" or ")}, not ${placement.on}.`,
      );
    if (placement?.on === "split" && !isWhole(placement.hotRows, 0, rows))
      problems.push(`Table '${name}' has ${rows} rows, so hotRows must be in 0..${rows}, found ${placement.hotRows}.`);
  }
  const range = (name: keyof typeof planRanges) => {
    const [least, most] = planRanges[name];
    if (!isWhole(plan[name], least, most)) problems.push(`${name} must be in ${least}..${most}, found ${plan[name]}.`);
  };
  range("devices");
  if (regime === "split") range("lookAhead");
  if (regime === "server") {
    range("servers");
    range("staleness");
  }
  return problems;
}

const isWhole = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most;

const combinations = (): string =>
  together.map(([, names]) => (names.length > 1 ? `${names[0]} with or without ${names[1]}` : names[0])).join("; ");

/** Where the rows of each table are held under a plan. @throws PlanError with the first of `planProblems`. */
export function residencyOf(program: Pick<Program, "tables">, plan: Plan): Residency {
  const [problem] = planProblems(program, plan);
  const regime = regimeOf(plan.routes);
  if (problem !== undefined || !regime)
    throw new PlanError(problem ?? "The plan has no route.", {
      fix: "Let a strategy make the plan.",
      details: { strategy: plan.strategy },
    });
  const hotRows = program.tables.map(({ name, rows }) => {
    const placement = plan.placements[name];
    if (regime === "device") return rows;
    if (!plan.routes.includes("hot") && !plan.routes.includes("mixed")) return 0;
    return placement.on === "split" ? placement.hotRows : placement.on === "device" ? rows : 0;
  });
  const hostFrom = program.tables.map(({ rows }, t) =>
    regime === "device" ? rows : regime === "split" ? hotRows[t] : 0,
  );
  return { regime, hotRows, hostFrom };
}
