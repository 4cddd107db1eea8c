import { ConfigError, ShapeError } from "../errors.js";
import type { Numbers } from "../ops/types.js";
import { elements } from "../program.js";
import { stepOf, stepValues } from "../step-values.js";
import type { Arena } from "./arena.js";
import { switchToHost } from "./hot-copies.js";
import type { Meter } from "./meter.js";
import type { Runtime } from "./runtime.js";
import { parameter } from "./server.js";

/** What a session name stands for; `slot` -1 are the values themselves. */
type Tensor =
  | { readonly kind: "step" }
  | { readonly kind: "table"; readonly table: number; readonly slot: number; readonly columns: number }
  | { readonly kind: "param"; readonly elements: number };

function find({ program, optimizer }: Runtime, name: string): Tensor {
  if (name === "#step") return { kind: "step" };
  const [base, slotName] = name.split("#");
  const { rowSlots, denseSlots } = optimizer.definition;
  const table = program.tables.findIndex((spec) => spec.name === base);
  const param = program.params.find((spec) => spec.name === base);
  const slots = table >= 0 ? rowSlots : denseSlots;
  const slot = slots.findIndex((candidate) => candidate.name === slotName);
  if ((table < 0 && !param) || (slotName !== undefined && slot < 0))
    throw new ConfigError(`The session has no tensor '${name}'.`, {
      fix: `Tensors are the program's tables and parameters, their state (${slotNames(slots)}) and #step.`,
      details: { option: "name", found: name },
    });
  if (param) return { kind: "param", elements: elements(param.shape) };
  return { kind: "table", table, slot, columns: (slot >= 0 && rowSlots[slot].perRow) || program.width };
}

const slotNames = (slots: readonly { readonly name: string }[]): string =>
  slots.map(({ name }) => `<name>#${name}`).join(", ") || "none";

/** The authoritative copy of a row. */
function locate(runtime: Runtime, table: number, id: number): readonly [Arena, number] {
  const { residency, hotCopies, host, device, hostBase, deviceBase } = runtime;
  const onDevice: readonly [Arena, number] = [device, deviceBase[table] + id];
  const onHost: readonly [Arena, number] = [host, hostBase[table] + id];
  if (id >= residency.hotRows[table]) return onHost;
  return hotCopies && hotCopies.dirtyOnDevice[onDevice[1]] === 0 ? onHost : onDevice;
}

const valuesOf = (arena: Arena, slot: number): Numbers => (slot < 0 ? arena.values : arena.state[slot].values);

function checkRows(runtime: Runtime, name: string, tensor: Tensor, rows: Uint32Array | undefined): void {
  if (!rows) return;
  if (tensor.kind !== "table")
    throw new ConfigError(`Tensor '${name}' has no rows: it is read and written whole.`, { fix: "Leave out `rows`." });
  const count = runtime.program.tables[tensor.table].rows;
  const bad = rows.find((row) => row >= count);
  if (bad !== undefined)
    throw new ConfigError(`Tensor '${name}' has no row ${bad}: it has ${count}.`, {
      fix: `Use rows 0..${count - 1}.`,
      details: { option: "rows", found: bad, expected: count },
    });
}

/** Reads a named tensor from its authoritative copy in the runtime's own precision. Moves nothing between host and device. */
export async function readTensor(runtime: Runtime, name: string, rows?: Uint32Array): Promise<Numbers> {
  const tensor = find(runtime, name);
  checkRows(runtime, name, tensor, rows);
  if (tensor.kind === "step") return runtime.numbers.from(stepValues(runtime.updates));
  if (tensor.kind === "param")
    return runtime.servers ? parameter(runtime.servers, name).slice() : await runtime.network.read(name);
  const { table, slot, columns } = tensor;
  const count = rows?.length ?? runtime.program.tables[table].rows;
  const out = new runtime.numbers(count * columns);
  for (let i = 0; i < count; i++) {
    const [arena, row] = locate(runtime, table, rows ? rows[i] : i);
    out.set(valuesOf(arena, slot).subarray(row * columns, (row + 1) * columns), i * columns);
  }
  return out;
}

/**
 * Writes a named tensor. Rows that exist twice are written on the host and go up at the next switch; `meter` counts what has
 * to come down before.
 * @throws ShapeError when the number of values is not that of the tensor or rows.
 */
export async function writeTensor(
  runtime: Runtime,
  meter: Meter,
  name: string,
  data: Numbers,
  rows?: Uint32Array,
): Promise<void> {
  const tensor = find(runtime, name);
  checkRows(runtime, name, tensor, rows);
  const count = tensor.kind === "table" ? (rows?.length ?? runtime.program.tables[tensor.table].rows) : 1;
  const expected = count * (tensor.kind === "step" ? 2 : tensor.kind === "param" ? tensor.elements : tensor.columns);
  if (data.length !== expected)
    throw new ShapeError(`Tensor '${name}' takes ${expected} values here, found ${data.length}.`, {
      fix: "Give every value of the tensor, or of each row in `rows`.",
      details: { tensor: name, expected, found: data.length },
    });
  if (tensor.kind === "step") runtime.updates = stepOf(data);
  else if (tensor.kind === "param") {
    if (runtime.servers) parameter(runtime.servers, name).set(data);
    else await runtime.network.write(name, data);
  } else writeRows(runtime, meter, tensor, data, rows, count);
}

function writeRows(
  runtime: Runtime,
  meter: Meter,
  { table, slot, columns }: Extract<Tensor, { kind: "table" }>,
  data: Numbers,
  rows: Uint32Array | undefined,
  count: number,
): void {
  switchToHost(runtime, meter);
  const { hotCopies, residency, deviceBase } = runtime;
  for (let i = 0; i < count; i++) {
    const id = rows ? rows[i] : i;
    const [arena, row] = locate(runtime, table, id);
    valuesOf(arena, slot).set(data.subarray(i * columns, (i + 1) * columns), row * columns);
    if (hotCopies && id < residency.hotRows[table]) hotCopies.dirtyOnHost[deviceBase[table] + id] = 1;
  }
}
