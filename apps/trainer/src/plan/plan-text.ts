import { formatBytes, formatCount, formatShare, textTable } from "../cli/format.js";
import { inDirection, type RunPlan, type StrategyPlan } from "./plan-run.js";

/** A plan for people. */
export function planText({ data, model, batch, optimizer, hot, machine, strategies }: RunPlan): string {
  const head = [
    `${model.name}: ${formatCount(model.rows)} rows x ${model.width}, ${formatBytes(model.tableBytes)} of tables, ` +
      `${formatCount(model.parameters)} dense parameters; optimizer ${optimizer}`,
    `${formatCount(data.inputs)} training inputs in batches of ${batch}; the data take ${formatBytes(data.bytes)}`,
    hot === null
      ? "no row can be hot under the budget"
      : `hot set, from ${hot.from === "sample" ? "a quick sample" : `the ${hot.from}`}: ${formatCount(hot.rows)} rows, ` +
        `${formatBytes(hot.bytes)} of ${formatBytes(hot.budgetBytes)}; ${formatShare(hot.inputShare)} of the inputs are hot`,
    `free here: ${formatBytes(machine.memoryBytes)} of memory, ${formatBytes(machine.diskBytes)} of disk`,
  ];
  const columns = ["device memory", "disk", "to device/step", "to host/step", "hot inputs", ""];
  const hasCheckpoints = strategies.some(({ checkpoint }) => checkpoint !== null);
  const table = textTable([
    ["strategy", "engine", "host memory", ...(hasCheckpoints ? ["+ checkpoint"] : []), ...columns],
    ...strategies.map((strategy) => strategyRow(strategy, hasCheckpoints)),
  ]);
  const notes = strategies.flatMap(({ strategy, problems }) => problems.map((problem) => `${strategy}: ${problem}`));
  const first = strategies.find(({ traffic }) => (traffic?.firstSwitch ?? 0) > 0)?.traffic?.firstSwitch;
  if (first !== undefined)
    notes.push(
      `fae: switches come on top, the first to hot batches ${formatBytes(first)}, later ones the touched rows`,
    );
  if (strategies.some(({ problems }) => problems.some((problem) => problem.includes("host memory"))))
    notes.push("hint: 'fae train --mapped <dir>' keeps tables in files on a disk instead of in host memory");
  const waiting = strategies.flatMap(({ strategy, checkpoint }) => (checkpoint?.waits ? [strategy] : []));
  if (waiting.length > 0)
    notes.push(
      `${waiting.join(", ")}: training waits for each checkpoint: half of the free memory does not hold its copy`,
    );
  return [head.join("\n"), table, ...(notes.length > 0 ? [notes.join("\n")] : [])].join("\n\n");
}

function strategyRow(plan: StrategyPlan, hasCheckpoints: boolean): string[] {
  const { strategy, engine, memory, checkpoint, disk, hotShare, traffic, problems } = plan;
  const orDash = (bytes: number | undefined) => (bytes === undefined ? "-" : formatBytes(bytes));
  return [
    strategy,
    engine ?? "-",
    orDash(memory?.hostBytes),
    ...(hasCheckpoints ? [orDash(checkpoint?.hostBytes)] : []),
    orDash(memory?.deviceBytes),
    formatBytes(disk.pack + disk.model + disk.checkpoints),
    orDash(traffic ? inDirection(traffic.perStep, "toDevice") : undefined),
    orDash(traffic ? inDirection(traffic.perStep, "toHost") : undefined),
    hotShare === null ? "-" : formatShare(hotShare),
    problems.length === 0 ? "" : "no",
  ];
}
