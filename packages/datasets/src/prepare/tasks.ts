import { type PartClassesOptions, partClasses } from "../pack/part-classes.js";
import { type RankedTable, rankRows } from "../pack/rank-rows.js";
import { type RelabelOptions, type RelabelReport, relabel } from "../pack/relabel.js";
import { digestOriginals, type WriteOriginalsOptions, writeOriginals } from "../pack/write-originals.js";
import { rawFormats } from "../raw-formats.js";
import type { UnitBytes } from "../synth/click-units.js";
import { type SynthJob, type SynthMemory, unitMaker } from "../synth/job.js";
import type { Unit } from "../synth/outputs.js";
import { checkWritten } from "./file-sums.js";
import { type NumberKeysOptions, numberKeys } from "./number-keys.js";
import type { PartRecord, RawFile, ReadOptions } from "./part.js";
import { newPartMemory, type PartMemory } from "./part-writer.js";
import { digestFile, type ReadContext, readGzipFile, readPlainPart } from "./read-text.js";
import { type ItemCategoriesOptions, itemCategories, type SortActionsOptions, sortActions } from "./series/actions.js";
import { type CollectHistoriesOptions, collectHistories } from "./series/histories.js";
import { type CollectPairsOptions, collectPairs, type PairsReport } from "./series/pairs.js";
import { type RolesReport, type WriteRolesOptions, writeRoles } from "./series/roles.js";
import { type WriteSeriesOptions, writeBucketSeries } from "./series/write-series.js";
import { type AssembleOptions, assembleBlock } from "./shuffle.js";
import { type WriteRowsOptions, writeRows } from "./write-rows.js";
import { collectingWrites, type Written } from "./written.js";

type Nothing = Record<string, never>;

/** A unit of work as plain data: it crosses to a worker thread, and its result crosses back. */
export interface Tasks {
  readonly readPart: { in: { work: string; options: ReadOptions; raw: RawFile; part: number }; out: PartRecord };
  readonly readGzip: {
    in: { work: string; options: ReadOptions; raw: RawFile; done: number };
    out: { parts: number; sha256: string };
  };
  readonly digest: { in: { raw: RawFile }; out: { sha256: string } };
  readonly checkWritten: { in: { written: readonly Written[] }; out: Nothing };
  readonly numberKeys: { in: NumberKeysOptions; out: { keys: number } };
  readonly writeRows: { in: WriteRowsOptions; out: { positives: number[] } };
  readonly assemble: { in: AssembleOptions; out: Nothing };
  readonly sortActions: { in: SortActionsOptions; out: Nothing };
  readonly itemCategories: { in: ItemCategoriesOptions; out: Nothing };
  readonly collectHistories: { in: CollectHistoriesOptions; out: Nothing };
  readonly writeRoles: { in: WriteRolesOptions; out: RolesReport };
  readonly collectPairs: { in: CollectPairsOptions; out: PairsReport };
  readonly writeSeries: { in: WriteSeriesOptions; out: { positives: number[] } };
  readonly packRanks: { in: { counts: Uint32Array }; out: RankedTable };
  readonly packOriginals: { in: WriteOriginalsOptions; out: Nothing };
  readonly packDigest: { in: { tables: readonly RankedTable[] }; out: { sha256: string } };
  readonly packRows: { in: RelabelOptions; out: RelabelReport };
  readonly packClasses: { in: PartClassesOptions; out: Nothing };
  readonly synth: { in: { job: SynthJob; unit: Unit }; out: UnitBytes };
}

export type TaskName = keyof Tasks;

/** What a task tells while it runs: a finished part of a gzip file. */
export interface TaskEvent {
  readonly record: PartRecord;
  readonly bytesRead: number;
}

/** What one thread keeps between tasks. */
export interface TaskMemory {
  readonly part: PartMemory;
  synth?: SynthMemory;
}

export const newTaskMemory = (): TaskMemory => ({ part: newPartMemory() });

type Handlers = {
  readonly [N in TaskName]: (
    input: Tasks[N]["in"],
    memory: TaskMemory,
    tell: (event: TaskEvent) => void,
  ) => Tasks[N]["out"] | Promise<Tasks[N]["out"]>;
};

const readContext = (work: string, options: ReadOptions, { part }: TaskMemory): ReadContext => ({
  work,
  format: rawFormats[options.format],
  options,
  memory: part,
});

/** A task whose result is on disk. */
const silent =
  <I>(task: (input: I) => void) =>
  (input: I): Nothing => {
    task(input);
    return {};
  };

const handlers: Handlers = {
  readPart: ({ work, options, raw, part }, memory) => readPlainPart(readContext(work, options, memory), raw, part),
  readGzip: ({ work, options, raw, done }, memory, tell) =>
    readGzipFile(readContext(work, options, memory), raw, done, (record, bytesRead) => tell({ record, bytesRead })),
  digest: ({ raw }) => ({ sha256: digestFile(raw) }),
  checkWritten: silent(({ written }) => checkWritten(written)),
  numberKeys: (input, { part }) => ({ keys: numberKeys(input, part.dictionary) }),
  writeRows: (input) => ({ positives: writeRows(input) }),
  assemble: silent(assembleBlock),
  sortActions: silent(sortActions),
  itemCategories: silent(itemCategories),
  collectHistories: silent(collectHistories),
  writeRoles: (input) => writeRoles(input),
  collectPairs: (input) => collectPairs(input),
  writeSeries: (input) => ({ positives: writeBucketSeries(input) }),
  packRanks: ({ counts }) => rankRows(counts),
  packOriginals: silent(writeOriginals),
  packDigest: ({ tables }) => ({ sha256: digestOriginals(tables) }),
  packRows: (input) => relabel(input),
  packClasses: silent(partClasses),
  synth: ({ job, unit }, memory) => {
    memory.synth = unitMaker(job, memory.synth);
    return memory.synth.make(unit);
  },
};

/** Result of a task, with what it wrote. */
export type Output<N extends TaskName> = Tasks[N]["out"] & { readonly written: readonly Written[] };

/** Runs one unit of work on the calling thread. */
export async function runTask<N extends TaskName>(
  name: N,
  input: Tasks[N]["in"],
  memory: TaskMemory,
  tell: (event: TaskEvent) => void,
): Promise<Output<N>> {
  const { value, written } = await collectingWrites(() => handlers[name](input, memory, tell));
  return { ...value, written };
}
