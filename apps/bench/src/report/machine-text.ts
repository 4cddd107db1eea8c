import type { Result } from "../result.js";

/** The machine that results were measured on, in one line. */
export function machineText(results: readonly Pick<Result, "machine">[]): string {
  const machine = results[0]?.machine;
  if (!machine) return "No results";
  const GiB = Math.round(machine.memoryBytes / 2 ** 30);
  return `${machine.gpus.length > 0 ? `${machine.gpus.join(", ")}; ` : ""}${machine.cpu}, ${machine.cores} cores, ${GiB} GiB${machine.gpus.length > 0 ? "" : ", no GPU"}`;
}
