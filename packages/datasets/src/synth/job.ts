import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type ClickShape, createClickModel } from "./click-model.js";
import { clickUnits, type UnitBytes } from "./click-units.js";
import type { Range, SplitOfInputs, Unit } from "./outputs.js";
import { clickSources } from "./sources/index.js";
import type { ClickLogName } from "./sources/types.js";
import { surveyUnits } from "./taobao-candidates.js";
import { createTaobaoModel } from "./taobao-history.js";
import { type RawUsers, rawTaobaoUnits } from "./taobao-raw.js";
import { type SeriesUsers, seriesUnits } from "./taobao-series.js";
import type { Teacher } from "./teacher.js";

/** All that a thread must know to make any unit: plain data. */
export type SynthJob = { readonly gzip: boolean } & (
  | {
      readonly kind: "clicks";
      readonly source: ClickLogName;
      readonly format: "raw" | "prepared";
      readonly rows: number;
      readonly shape: ClickShape;
      readonly teacher: Teacher;
    }
  | { readonly kind: "actions"; readonly seed: number; readonly scale: number; readonly users: RawUsers }
  | {
      readonly kind: "series";
      readonly seed: number;
      readonly scale: number;
      readonly users: SeriesUsers;
      readonly splits: readonly Range<SplitOfInputs>[];
      /** File with a bit for every item that a negative may show. */
      readonly poolPath: string;
    }
  | { readonly kind: "survey"; readonly seed: number; readonly scale: number }
);

/** What a thread keeps from unit to unit: the job it was last asked about, and its model. */
export interface SynthMemory {
  readonly job: string;
  readonly make: (unit: Unit) => UnitBytes;
}

/** The function that makes units of a job: the remembered one when the job is the same. */
export function unitMaker(job: SynthJob, memory: SynthMemory | undefined): SynthMemory {
  const name = JSON.stringify(job);
  if (memory?.job === name) return memory;
  const make = makerOf(job);
  return { job: name, make: job.gzip ? (unit) => zipped(make(unit)) : make };
}

function makerOf(job: SynthJob): (unit: Unit) => UnitBytes {
  switch (job.kind) {
    case "clicks":
      return clickUnits(createClickModel(clickSources[job.source], job.shape), job.teacher, job.format, job.rows);
    case "actions":
      return rawTaobaoUnits(createTaobaoModel(job.seed, job.scale), job.users);
    case "series":
      return seriesUnits(createTaobaoModel(job.seed, job.scale), job.users, job.splits, readFileSync(job.poolPath));
    case "survey":
      return surveyUnits(createTaobaoModel(job.seed, job.scale));
  }
}

const zipped = (unit: UnitBytes): UnitBytes => ({ ...unit, bytes: gzipMember(unit.bytes) });

/** One member of a gzip file (members may follow one another). Carries no time and no system, so that bytes repeat everywhere. */
export function gzipMember(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const member = Uint8Array.from(gzipSync(bytes, { level: 4 }));
  member[9] = 255;
  return member;
}
