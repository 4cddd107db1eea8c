import type { Placement, Plan, Problem } from "@fae/core";
import { PlanError, planRanges } from "@fae/core";

/** `mixed`: batches fetched ahead when the problem does not say. */
export const usualLookAhead = 2;
/** `server`: shards when the problem names none. */
export const usualServers = 4;

/** The same placement for every table. */
export const everyTable = (problem: Problem, placement: Placement): Plan["placements"] =>
  Object.fromEntries(problem.tables.map((table) => [table.name, placement]));

/**
 * Every table split at its number of hot rows.
 * @throws PlanError without hot rows, or when they do not fit the tables or the budget.
 */
export function splitTables(problem: Problem, strategy: string): Plan["placements"] {
  const { tables, hotRows, rowBytes, budgetBytes } = problem;
  if (hotRows === undefined)
    throw new PlanError(`Strategy ${strategy} needs the number of hot rows per table, and there is no profile.`, {
      fix: "Run `fae profile` and `fae pack`, then train on the packed data set.",
      details: { strategy },
    });
  if (hotRows.length !== tables.length)
    throw new PlanError(`The profile has ${hotRows.length} tables, the model has ${tables.length}.`, {
      fix: "Profile and pack the data set that the model is made for.",
      details: { found: hotRows.length, expected: tables.length },
    });
  let rows = 0;
  tables.forEach((table, t) => {
    const hot = hotRows[t];
    if (!Number.isInteger(hot) || hot < 0 || hot > table.rows)
      throw new PlanError(`Table "${table.name}" has ${table.rows} rows and cannot have ${hot} hot ones.`, {
        fix: "Profile and pack the data set that the model is made for.",
        details: { table: table.name, found: hot, expected: `0..${table.rows}` },
      });
    rows += hot;
  });
  if (rows * rowBytes > budgetBytes)
    throw new PlanError(
      `The hot rows need ${rows * rowBytes} bytes (${rows} rows of ${rowBytes} bytes with optimizer state), the budget is ${budgetBytes}.`,
      {
        fix: `Raise the budget to ${rows * rowBytes} bytes, or profile again with this budget, row width and optimizer.`,
        details: { needBytes: rows * rowBytes, budgetBytes, rowBytes, rows },
      },
    );
  return Object.fromEntries(tables.map((table, t) => [table.name, { on: "split", hotRows: hotRows[t] }]));
}

/** The numbers of a plan that most strategies do not use. @throws PlanError when one is out of range. */
export function planNumbers(problem: Problem): Pick<Plan, "devices" | "lookAhead" | "servers" | "staleness"> {
  const { devices, lookAhead = usualLookAhead, servers = usualServers, staleness = 0 } = problem;
  const numbers = { devices, lookAhead, servers, staleness };
  for (const name of Object.keys(planRanges) as (keyof typeof planRanges)[]) whole(name, numbers[name]);
  return numbers;
}

function whole(name: keyof typeof planRanges, value: number): void {
  const [least, most] = planRanges[name];
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new PlanError(`${name} is ${value}, expected a whole number from ${least} to ${most}.`, {
    fix: `Set ${name} to a value in that range.`,
    details: { option: name, found: value, least, most },
  });
}
