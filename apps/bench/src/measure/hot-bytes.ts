import {
  type BatchSource,
  type Engine,
  idColumns,
  noRow,
  type OptimizerName,
  optimizerSpec,
  type Program,
  type RouteName,
  type RowLayout,
  type Session,
  strideWords,
} from "@fae/core";
import { rowBytes } from "@fae/embedding-store";
import { strategy } from "@fae/scheduler";

/** What hot sets of one model are tried on. */
export interface HotProblem {
  readonly engine: Engine;
  readonly program: Program;
  readonly optimizer: OptimizerName;
  readonly batch: number;
  readonly layout: RowLayout;
  /** Inputs with ids in popularity order; a whole number of batches. */
  readonly words: Uint32Array;
}

/** Device bytes that an engine holds for a hot set, counted by the engine where it copies and where it allocates. */
export interface HotBytes {
  /** Copied to the device before the first hot batch of `fae`: every hot row with its optimizer state, once. */
  readonly copied: number;
  /** Device memory of a session above that of the same session without hot rows. */
  readonly held: Readonly<Record<"fae" | "mixed", number>>;
  /** Losses of the same batches: cold, hot and cold again. */
  readonly losses: Readonly<Record<"fae" | "mixed", readonly number[]>>;
}

/** Device bytes of sessions without hot rows. */
export type BareBytes = HotBytes["held"];

/** Asks for each once, whatever number of hot sets is tried. */
export async function bareBytes(problem: HotProblem): Promise<BareBytes> {
  const none = problem.program.tables.map(() => 0);
  const bytes = async (name: "fae" | "mixed") => {
    await using session = await open(problem, name, none, 0);
    return (await session.memory()).deviceBytes;
  };
  return { fae: await bytes("fae"), mixed: await bytes("mixed") };
}

/**
 * Trains a few batches with a hot set, by `fae` and by `mixed`, and asks the engine for its bytes.
 * @param hotRows per table; @param bare `bareBytes` of the same problem
 * @throws PlanError when the hot rows do not fit the budget
 */
export async function hotBytes(
  problem: HotProblem,
  hotRows: readonly number[],
  budgetBytes: number,
  bare: BareBytes,
): Promise<HotBytes> {
  const fae = await trained(problem, "fae", hotRows, budgetBytes);
  const mixed = await trained(problem, "mixed", hotRows, budgetBytes);
  return {
    copied: fae.copied,
    held: { fae: fae.deviceBytes - bare.fae, mixed: mixed.deviceBytes - bare.mixed },
    losses: { fae: fae.losses, mixed: mixed.losses },
  };
}

async function trained(
  problem: HotProblem,
  name: "fae" | "mixed",
  hotRows: readonly number[],
  budgetBytes: number,
): Promise<{ readonly copied: number; readonly deviceBytes: number; readonly losses: readonly number[] }> {
  await using session = await open(problem, name, hotRows, budgetBytes);
  const batches = problem.words.length / strideWords(problem.layout) / problem.batch;
  const losses: number[] = [];
  let copied = 0;
  for (const source of ["cold", "hot", "cold"] as const) {
    const route: RouteName = name === "mixed" ? "mixed" : source === "hot" ? "hot" : "hybrid";
    const numbers = Uint32Array.from({ length: batches }, (_, i) => i);
    const report = await session.run(
      { kind: "segment", route, source, epoch: 0, batches: numbers },
      new Array<number>(batches).fill(0.01),
    );
    losses.push(...report.losses);
    if (source === "hot") copied = report.bytes.switch.toDevice;
  }
  return { copied, deviceBytes: (await session.memory()).deviceBytes, losses };
}

function open(
  { engine, program, optimizer, batch, layout, words }: HotProblem,
  name: "fae" | "mixed",
  hotRows: readonly number[],
  budgetBytes: number,
): Promise<Session> {
  const { tables, width } = program;
  const source = (of: string, held: Uint32Array): BatchSource => ({
    name: of,
    layout,
    rows: held.length / strideWords(layout),
    storage: { kind: "memory", words: held },
    shuffleSeed: null,
  });
  return engine.open({
    program,
    plan: strategy(name).plan({ tables, rowBytes: rowBytes(width, optimizer), budgetBytes, hotRows, devices: 1 }),
    optimizer: optimizerSpec(optimizer),
    sources: [source("cold", words), source("hot", allHot(words, layout, hotRows))],
    batch,
    seed: 1,
    threads: 0,
  });
}

/** The inputs with the most popular row in place of every cold one; no row where a table has no hot one. */
function allHot(words: Uint32Array, layout: RowLayout, hotRows: readonly number[]): Uint32Array {
  const made = words.slice();
  const ids = new Int32Array(made.buffer);
  forIds(layout, ids.length, (at, table) => {
    if (ids[at] >= hotRows[table]) ids[at] = hotRows[table] > 0 ? 0 : noRow;
  });
  return made;
}

/** Visits every id of `words` words of rows: its word and its table. */
export function forIds(layout: RowLayout, words: number, visit: (at: number, table: number) => void): void {
  const stride = strideWords(layout);
  const columns = idColumns(layout);
  for (let input = 0; input < words; input += stride)
    columns.words.forEach((word, c) => {
      visit(input + word, columns.tables[c]);
    });
}
