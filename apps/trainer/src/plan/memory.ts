import {
  type BatchSource,
  type Engine,
  type Job,
  optimizerSpec,
  type Plan,
  type Program,
  type Residency,
  type RouteName,
  type RowLayout,
  residencyOf,
  strideWords,
} from "@fae/core";
import type { TrainOptions } from "../train/options.js";

export interface MemoryInput {
  readonly program: Program;
  /** Plan over tables of the program's names and other sizes. */
  planFor(tables: Program["tables"], hotRows: readonly number[]): Plan;
  readonly hotRows: readonly number[];
  readonly layout: RowLayout;
  readonly options: Pick<TrainOptions, "optimizer" | "batch" | "threads">;
  /** Bytes of one row with its optimizer state, as a float32 engine keeps it. */
  readonly rowBytes: number;
}

export interface Memory {
  readonly hostBytes: number;
  readonly deviceBytes: number;
}

/**
 * The same job over tables with only as many rows as a few batches can touch: everything that does not grow with the tables
 * is as large as in the real one. Rows start from zeros.
 */
export function probeJob({ program, planFor, hotRows, layout, options }: MemoryInput): Job {
  const { batch, threads, optimizer } = options;
  const touched = layout.hotness.map((bag) => batch * Math.max(1, layout.steps) * bag);
  const batchesAhead = planFor(program.tables, hotRows).lookAhead + 1;
  const hot = hotRows.map((rows, t) => Math.min(rows, touched[t]));
  const cold = program.tables.map(({ rows }, t) => Math.min(rows - hotRows[t], batchesAhead * touched[t]));
  const tables = program.tables.map(({ name }, t) => ({
    name,
    rows: Math.max(1, hot[t] + cold[t]),
    init: { kind: "zeros" } as const,
  }));
  const plan = planFor(tables, hot);
  const sources = plan.routes.flatMap((route) => {
    const limits = route === "hot" ? hot : tables.map(({ rows }) => rows);
    return limits.every((rows) => rows > 0) ? [inputsBelow(limits, route, layout, batch)] : [];
  });
  return {
    program: { ...program, tables },
    plan,
    optimizer: optimizerSpec(optimizer),
    sources,
    batch,
    seed: 0,
    threads,
  };
}

/** A batch of inputs with ids below the limits. */
function inputsBelow(limits: readonly number[], name: RouteName, layout: RowLayout, rows: number): BatchSource {
  const words = new Uint32Array(rows * strideWords(layout));
  const tables = layout.hotness.flatMap((bag, t) => new Array<number>(bag).fill(t));
  for (let input = 0, at = 0; input < rows; input++) {
    at++; // the label
    for (let step = 0; step < Math.max(1, layout.steps); step++) {
      at += layout.denseFeatures;
      for (const t of tables) {
        words[at] = at % limits[t];
        at++;
      }
    }
  }
  return { name, layout, rows, storage: { kind: "memory", words }, shuffleSeed: null };
}

/** Opens the probe, runs one batch on each route and adds the rows that the real tables have more. */
export async function predictMemory(engine: Engine, probe: Job, input: MemoryInput): Promise<Memory> {
  const { program, planFor, hotRows, rowBytes } = input;
  await using session = await engine.open(probe);
  for (const { name } of probe.sources)
    await session.run(
      { kind: "segment", route: name as RouteName, source: name, epoch: 0, batches: Uint32Array.of(0) },
      [0],
    );
  const { hostBytes, deviceBytes } = await session.memory();
  const real = rowsIn(residencyOf(program, planFor(program.tables, hotRows)), program);
  const probed = rowsIn(residencyOf(probe.program, probe.plan), probe.program);
  const bytes = engine.name === "reference" ? 2 * rowBytes : rowBytes; // the reference engine keeps float64
  return {
    hostBytes: hostBytes + (real.host - probed.host) * bytes,
    deviceBytes: deviceBytes + (real.device - probed.device) * bytes,
  };
}

const rowsIn = ({ hostFrom, hotRows }: Residency, { tables }: Pick<Program, "tables">) => ({
  host: tables.reduce((sum, { rows }, t) => sum + rows - hostFrom[t], 0),
  device: hotRows.reduce((sum, rows) => sum + rows, 0),
});
