import type { Program } from "@fae/core";
import { avazuRows, criteoKaggleRows, criteoTerabyteRows, taobaoRows } from "./cardinalities.js";
import { dlrm } from "./dlrm.js";
import { tbsm } from "./tbsm.js";

/** Makes a preset; its own table sizes are the paper's, other sizes (of as many tables) may be given. */
export type Preset = (tableRows?: readonly number[]) => Program;

interface DlrmSizes {
  readonly name: string;
  readonly width: number;
  /** F, then M of each bottom layer. */
  readonly bottom: readonly number[];
  readonly top: readonly number[];
  readonly rows: readonly number[];
}

const preset =
  ({ name, width, bottom, top, rows }: DlrmSizes): Preset =>
  (tableRows = rows) =>
    dlrm({ name, tableRows, width, denseFeatures: bottom[0], bottomMlp: bottom.slice(1), topMlp: top });

/** TBSM on Taobao: 3 tables of width 16, 20 history steps and the candidate; 3,638 dense parameters. */
export const rmc1: Preset = (tableRows = taobaoRows) =>
  tbsm({
    name: "rmc1",
    tableRows,
    width: 16,
    denseFeatures: 1,
    bottomMlp: [16],
    towerTopMlp: [15, 15],
    history: 20,
    attentionMlp: [15, 15],
    headMlp: [60, 1],
  });

/** DLRM on Criteo Kaggle: 26 tables of width 16; 475,985 dense parameters. */
export const rmc2: Preset = preset({
  name: "rmc2",
  width: 16,
  bottom: [13, 512, 256, 64, 16],
  top: [512, 256, 1],
  rows: criteoKaggleRows,
});

/** DLRM on Criteo Terabyte: 26 tables of width 64; 762,177 dense parameters. */
export const rmc3: Preset = preset({
  name: "rmc3",
  width: 64,
  bottom: [13, 512, 256, 64],
  top: [512, 512, 256, 1],
  rows: criteoTerabyteRows,
});

/** DLRM on Avazu: 21 tables of width 16, 1 dense feature; 408,401 dense parameters. */
export const rmc4: Preset = preset({
  name: "rmc4",
  width: 16,
  bottom: [1, 512, 256, 64, 16],
  top: [512, 256, 1],
  rows: avazuRows,
});

/** Synthetic model 1: Terabyte tables, the smallest MLPs; 214,401 dense parameters. */
export const synM1: Preset = preset({
  name: "syn-m1",
  width: 64,
  bottom: [13, 64],
  top: [512, 1],
  rows: criteoTerabyteRows,
});

/** Synthetic model 2: 384,577 dense parameters. */
export const synM2: Preset = preset({
  name: "syn-m2",
  width: 64,
  bottom: [13, 512, 64],
  top: [512, 256, 1],
  rows: criteoTerabyteRows,
});

/** Synthetic model 3: 1,572,929 dense parameters. */
export const synM3: Preset = preset({
  name: "syn-m3",
  width: 64,
  bottom: [13, 1024, 512, 64],
  top: [512, 1024, 256, 1],
  rows: criteoTerabyteRows,
});

/** Synthetic model 4: 2,081,601 dense parameters. */
export const synM4: Preset = preset({
  name: "syn-m4",
  width: 64,
  bottom: [13, 1024, 512, 256, 64],
  top: [512, 1024, 512, 256, 1],
  rows: criteoTerabyteRows,
});
