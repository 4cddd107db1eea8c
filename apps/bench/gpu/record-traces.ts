/**
 * Records what a session is asked and what the reference engine answers, as files that `trace_check` (native/cuda/tools) replays
 * against the CUDA engine on a machine without Node: golden cases, op programs and random problems on every route.
 *
 *     npx esbuild apps/bench/gpu/record-traces.ts --bundle --platform=node --format=esm --target=node20 --conditions=@fae/source --outfile=build/record-traces.mjs
 *     node build/record-traces.mjs OUT [GOLDEN...] [--problems 20]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { compile, type Engine, initialParameter, type Job, referenceEngine, type Session } from "@fae/core";
import { checkExactness, checkOps, randomProblem } from "@fae/core/conformance";
import { verifyCase } from "@fae/trainer";

interface Block {
  readonly at: number;
  readonly count: number;
}

/** Everything one session did, ready to be written. */
class Trace {
  readonly calls: object[] = [];
  readonly #parts: Uint8Array[] = [];
  #words = 0;

  constructor(
    readonly name: string,
    readonly tolerance: number,
    readonly job: Job,
  ) {}

  block(data: Float32Array | Uint32Array): Block {
    const at = this.#words;
    this.#parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice());
    this.#words += data.length;
    return { at, count: data.length };
  }

  save(directory: string, number: number): void {
    const { program, sources, ...job } = this.job;
    const memory: Block[] = [];
    const plainSources = sources.map((source) => {
      if (source.storage.kind === "memory") memory.push(this.block(source.storage.words));
      return { ...source, storage: source.storage.kind === "memory" ? { kind: "memory" } : source.storage };
    });
    const json = {
      name: this.name,
      tolerance: this.tolerance,
      job: { ...job, sources: plainSources, program: compile(program) },
      memory,
      calls: this.calls,
    };
    writeFileSync(join(directory, `${number}.json`), JSON.stringify(json));
    writeFileSync(join(directory, `${number}.bin`), Buffer.concat(this.#parts));
  }
}

/** The reference engine, with every session kept as a trace unless its routes need no device. */
function recorder(traces: Trace[], name: () => string, tolerance: number): Engine {
  const inner = referenceEngine();
  return {
    ...inner,
    name: "recorder",
    async open(job) {
      const session = await inner.open(job);
      const trace = new Trace(
        `${name()} ${job.program.name} | ${job.plan.routes.join("+")}${job.plan.routes.includes("mixed") ? ` ${job.plan.lookAhead}` : ""}`,
        tolerance,
        job,
      );
      if (!job.plan.routes.includes("host")) traces.push(trace);
      for (const param of job.program.params)
        trace.calls.push({
          op: "write",
          name: param.name,
          ...trace.block(Float32Array.from(initialParameter(param, job.seed))),
        });
      const bytesOf = (bytes: Record<string, { toDevice: number; toHost: number }>) =>
        Object.values(bytes).map((b) => [b.toDevice, b.toHost]);
      const recorded: Session = {
        async run(segment, rates) {
          const report = await session.run(segment, rates);
          trace.calls.push({
            op: "run",
            route: segment.route,
            source: segment.source,
            epoch: segment.epoch,
            batches: [...segment.batches],
            rates: [...rates],
            losses: [...report.losses],
            bytes: bytesOf(report.bytes),
            coldRows: report.coldRows,
            forwardedRows: report.forwardedRows,
            switchedRows: report.switchedRows,
          });
          return report;
        },
        async evaluate(source) {
          const evaluation = await session.evaluate(source);
          trace.calls.push({
            op: "evaluate",
            source,
            loss: evaluation.loss,
            bytes: bytesOf(evaluation.bytes),
            ...trace.block(evaluation.scores),
          });
          return evaluation;
        },
        async read(tensor, rows) {
          const values = await session.read(tensor, rows);
          trace.calls.push({ op: "read", name: tensor, rows: rows ? [...rows] : null, ...trace.block(values) });
          return values;
        },
        async write(tensor, data, rows) {
          await session.write(tensor, data, rows);
          trace.calls.push({ op: "write", name: tensor, rows: rows ? [...rows] : null, ...trace.block(data) });
        },
        memory: () => session.memory(),
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      };
      return recorded;
    },
  };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { problems: { type: "string", default: "20" } },
});
const [out, ...goldens] = positionals;
if (out === undefined) throw new Error("Name the folder for the traces.");
mkdirSync(out, { recursive: true });
const traces: Trace[] = [];
let current = "";
for (const directory of goldens) {
  current = basename(directory);
  const engine = recorder(traces, () => current, 0);
  const result = await verifyCase(directory, engine, { route: "device" });
  // The case's own tolerances: test/golden/README.md.
  const fresh = traces.at(-1);
  if (fresh) Object.assign(fresh, { tolerance: Math.max(result.losses.tolerance, result.weights.tolerance) });
}
current = "op";
await checkOps(
  recorder(traces, () => current, 2e-4),
  { route: "device" },
);
for (let seed = 1; seed <= Number(values.problems); seed++) {
  const problem = randomProblem(seed);
  current = problem.name;
  // Adam turns the sign of a gradient near zero into a whole step: only traffic and equal bits are checked there.
  const tolerance = problem.job.optimizer.name === "adam" ? 1 : 2e-3;
  await checkExactness(
    recorder(traces, () => current, tolerance),
    problem,
    { tolerance: 1 },
  );
}
for (const [i, trace] of traces.entries()) trace.save(out, i);
console.log(`${traces.length} traces in ${out}`);
