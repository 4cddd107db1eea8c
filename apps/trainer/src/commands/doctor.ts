import { defineCommand } from "../cli/command.js";
import { formatBytes } from "../cli/format.js";
import { unlessAborted } from "../cli/interrupted.js";
import { type MachineFacts, machineFacts } from "../machine/facts.js";
import { type EngineStatus, engineStatuses } from "../train/engines.js";

export const doctorCommand = defineCommand({
  name: "doctor",
  summary: "Says what this machine has and which engines can run, and how to get those that cannot.",
  operands: [],
  options: {},
  example: "fae doctor",
  async run(_, __, { io }) {
    const facts = machineFacts(process.cwd());
    const engines = await unlessAborted(engineStatuses(), io.signal, "The look at the engines");
    return { json: { machine: facts, engines }, text: `${factsText(facts)}\n\n${engines.map(engineText).join("\n")}` };
  },
});

function factsText({ node, platform, cpu, memory, disk }: MachineFacts): string {
  const features = cpu.features === null ? "" : `; ${cpu.features.join(" ")}`;
  return [
    `Node      ${node} on ${platform}`,
    `CPU       ${cpu.model}, ${cpu.threads} threads${features}`,
    `memory    ${formatBytes(memory.availableBytes)} available of ${formatBytes(memory.totalBytes)}`,
    `disk      ${formatBytes(disk.freeBytes)} free in ${disk.path}`,
  ].join("\n");
}

function engineText(status: EngineStatus): string {
  const head = `${status.available ? "ok " : "no "}  ${status.name.padEnd(13)}`;
  const { text, facts } = status.available
    ? { text: status.machine.description, facts: status.machine.facts }
    : { text: status.why, facts: status.facts };
  return `${head} ${text}${Object.entries(facts)
    .map(([name, value]) => `\n      ${name}: ${value}`)
    .join("")}`;
}
