import { idColumns, type RowLayout, strideWords } from "@fae/core";
import { readFully, withFile, writeAt } from "../prepare/files.js";

/** Copies the inputs `[first, end)` of a packed row file to the hot or the cold file, in their order. */
export interface PartClassesOptions {
  readonly from: string;
  readonly hot: string;
  readonly cold: string;
  readonly layout: RowLayout;
  readonly first: number;
  readonly end: number;
  readonly hotRows: readonly number[];
  /** Hot inputs before `first`; the cold ones are the rest. */
  readonly hotBefore: number;
}

const blockBytes = 1024 * 1024;

export function partClasses({ from, hot, cold, layout, first, end, hotRows, hotBefore }: PartClassesOptions): void {
  const stride = strideWords(layout);
  const { words: columns, tables } = idColumns(layout);
  const limits = Int32Array.from(tables, (table) => Math.min(hotRows[table], 0x7fffffff));
  const step = Math.max(1, Math.floor(blockBytes / (4 * stride)));
  const words = new Int32Array(stride * Math.min(step, end - first));
  const held = { hot: new Int32Array(words.length), cold: new Int32Array(words.length) };
  const next = { hot: hotBefore, cold: first - hotBefore };
  withFile(from, "r", (source) =>
    withFile(hot, "r+", (hotFile) =>
      withFile(cold, "r+", (coldFile) => {
        const flush = (file: number, kind: "hot" | "cold", inputs: number) => {
          const bytes = new Uint8Array(held[kind].buffer, 0, 4 * stride * inputs);
          writeAt(file, kind === "hot" ? hot : cold, 4 * stride * next[kind], bytes);
          next[kind] += inputs;
        };
        for (let at = first; at < end; at += step) {
          const inputs = Math.min(step, end - at);
          readFully(source, new Uint8Array(words.buffer, 0, 4 * stride * inputs), 4 * stride * at, from);
          const hotInputs = distribute(words, inputs, stride, columns, limits, held.hot, held.cold);
          flush(hotFile, "hot", hotInputs);
          flush(coldFile, "cold", inputs - hotInputs);
        }
      }),
    ),
  );
}

/** Copies each input to the end of `hot` or of `cold`; returns the number of hot ones. */
function distribute(
  words: Int32Array,
  inputs: number,
  stride: number,
  columns: Uint32Array,
  limits: Int32Array,
  hot: Int32Array,
  cold: Int32Array,
): number {
  let hotWords = 0;
  let coldWords = 0;
  for (let start = 0; start < inputs * stride; start += stride) {
    let c = 0;
    while (c < columns.length && words[start + columns[c]] < limits[c]) c++;
    if (c === columns.length) for (let w = 0; w < stride; w++) hot[hotWords++] = words[start + w];
    else for (let w = 0; w < stride; w++) cold[coldWords++] = words[start + w];
  }
  return hotWords / stride;
}
