import type { Numbers } from "../ops/types.js";
import type { StateSlot } from "../optimizers/types.js";
import type { Batch } from "../rows.js";
import { type NumbersType, poolRows, updateRows } from "./arena.js";
import { uploadBatch } from "./device.js";
import { type DistinctRows, distinctRows, sumGradients } from "./distinct.js";
import { countValues, timed, timedAsync, transfer } from "./meter.js";
import {
  arenaRows,
  type EvaluateCall,
  forward,
  type Route,
  type Runtime,
  type ServerParameters,
  step,
  type TrainCall,
  tableOfId,
} from "./runtime.js";

export const newServerParameters = (
  numbers: NumbersType,
  params: readonly (readonly [string, Numbers])[],
  slots: readonly StateSlot[],
): ServerParameters =>
  new Map(
    params.flatMap(([name, values]) => [
      [name, numbers.from(values)] as const,
      ...slots.map((slot) => [`${name}#${slot.name}`, new numbers(slot.perRow || values.length)] as const),
    ]),
  );

/** The server that owns a host row or a parameter number. */
export const serverOf = (key: number, servers: number): number => ((Math.imul(key, 0x9e3779b1) >>> 16) ^ key) % servers;

/** Gradients of one batch on their way to the servers. */
interface Push {
  readonly rows: Int32Array;
  readonly rowGradients: Numbers;
  readonly paramGradients: readonly Numbers[];
  readonly learningRate: number;
  readonly step: number;
}

/**
 * Hash-sharded servers own rows and dense parameters. A worker on the device pulls the distinct rows of a batch and all dense
 * parameters, and pushes their gradients; servers update. With staleness s the pull of a batch happens before the pushes of
 * the s batches before it are applied; the last pushes are applied at the end of the segment. Here the servers take turns
 * in one thread; which of them owns a row changes no result.
 */
export const serverRoute: Route = {
  async train(call) {
    const { runtime } = call;
    const pending: Push[] = [];
    for (const [k, number] of call.batches.entries()) {
      while (pending.length > runtime.plan.staleness) apply(call, pending.shift());
      const { inputs, labels, dense, distinct, pulled } = await pull(call, call.read(number));
      const rows = pool(call, distinct, pulled);
      const gradients = await step(call, k, { inputs, dense, rows }, labels);
      pending.push(await push(call, k, distinct, gradients));
      runtime.updates++;
    }
    while (pending.length > 0) apply(call, pending.shift());
  },

  async evaluate(call) {
    for (let number = 0; number < call.batches; number++) {
      const batch = call.read(number);
      const { inputs, dense, distinct, pulled } = await pull(call, batch);
      call.sink(batch, await forward(call, { inputs, dense, rows: pool(call, distinct, pulled) }));
    }
  },
};

/** Inputs, distinct rows and dense parameters go to the device. */
async function pull(call: TrainCall | EvaluateCall, batch: Batch) {
  const { runtime, meter, layout } = call;
  const { host, hostBase, numbers, network, program, servers, plan } = runtime;
  const { inputs, dense, ids, labels } = uploadBatch(meter, batch);
  const distinct = distinctRows(arenaRows(ids, tableOfId(layout), hostBase));
  const { width } = host;
  const answer = new numbers(distinct.rows.length * width);
  timed(meter, "gather", () => {
    for (let server = 0; server < plan.servers; server++)
      distinct.rows.forEach((row, i) => {
        if (serverOf(row, plan.servers) === server)
          answer.set(host.values.subarray(row * width, (row + 1) * width), i * width);
      });
  });
  const pulled = transfer(meter, "rows", "toDevice", answer);
  for (const { name } of program.params) {
    const values = parameter(servers, name);
    countValues(meter, "parameters", "toDevice", values.length);
    await timedAsync(meter, "copy", () => network.write(name, values));
  }
  return { inputs, dense, labels, distinct, pulled };
}

/** Pools the pulled rows on the device. */
function pool(call: TrainCall | EvaluateCall, { rows, positions }: DistinctRows, pulled: Numbers): Numbers {
  const { runtime, layout, meter } = call;
  const { width } = runtime.host;
  const ids = layout.hotness.reduce((sum, bag) => sum + bag, 0);
  const pooled = new runtime.numbers((positions.length / ids) * layout.hotness.length * width);
  const arena = { rows: rows.length, width, values: pulled, state: [] };
  timed(meter, "gather", () => poolRows(arena, positions, layout.hotness, pooled));
  return pooled;
}

/** Gradients of distinct rows and dense parameters go to the host. */
async function push(call: TrainCall, k: number, distinct: DistinctRows, pooled: Numbers): Promise<Push> {
  const { runtime, layout, meter, learningRates } = call;
  const sums = timed(meter, "update", () =>
    sumGradients(runtime.numbers, distinct, pooled, layout.hotness, runtime.host.width),
  );
  const paramGradients: Numbers[] = [];
  for (const { name } of runtime.program.params)
    paramGradients.push(transfer(meter, "parameters", "toHost", await runtime.network.gradient(name)));
  return {
    rows: distinct.rows,
    rowGradients: transfer(meter, "rows", "toHost", sums),
    paramGradients,
    learningRate: learningRates[k],
    step: runtime.updates + 1,
  };
}

/** Each server updates the rows and parameters that it owns. */
function apply({ runtime, meter }: TrainCall, push: Push | undefined): void {
  if (!push) return;
  const { host, optimizer, program, servers, plan } = runtime;
  const { width } = host;
  const { learningRate, step } = push;
  timed(meter, "update", () => {
    for (let server = 0; server < plan.servers; server++) {
      push.rows.forEach((row, i) => {
        if (serverOf(row, plan.servers) !== server) return;
        const gradient = push.rowGradients.subarray(i * width, (i + 1) * width);
        updateRows(host, Int32Array.of(row), gradient, optimizer, learningRate, step);
      });
      program.params.forEach(({ name }, p) => {
        if (serverOf(p, plan.servers) !== server) return;
        optimizer.definition.updateDense({
          weights: parameter(servers, name),
          gradient: push.paramGradients[p],
          state: optimizer.definition.denseSlots.map((slot) => parameter(servers, `${name}#${slot.name}`)),
          learningRate,
          step,
          spec: optimizer.spec,
        });
      });
    }
  });
}

/** A tensor on the servers. */
export function parameter(servers: Runtime["servers"], name: string): Numbers {
  const values = servers?.get(name);
  if (!values) throw new RangeError(`The servers hold no tensor '${name}'.`);
  return values;
}
