import { bytesOf, openSink } from "../files.js";
import { eachBlock, type MapSlice, type PartRows, readMap, readWords } from "../part-rows.js";
import { openScatter } from "../shuffle.js";

/** Words of one action: user, item, category, time. */
export const actionWords = 4;

export interface SortActionsOptions {
  readonly part: PartRows;
  /** U, and how many of them share a bucket. */
  readonly users: number;
  readonly bucketUsers: number;
  readonly scatterPath: string;
  /** Gets, for each item of the part in the part's numbering: time and category of its earliest action. */
  readonly firstsPath: string;
}

/** Sorts the actions of one part by bucket of users, and notes when each item is first seen. */
export function sortActions({ part, users, bucketUsers, scatterPath, firstsPath }: SortActionsOptions): void {
  const options = {
    path: scatterPath,
    places: users,
    blockPlaces: bucketUsers,
    stride: actionWords,
    capacity: part.rows,
  };
  const scatter = openScatter(options);
  eachBlock(part, 0, part.rows, (words) => scatter.write(words, (i) => words[i * actionWords]));
  scatter.close();
  const sink = openSink(firstsPath);
  sink.write(bytesOf(firstSeen(part)));
  sink.close();
}

function firstSeen(part: PartRows): Int32Array {
  const [, items, categories] = part.maps;
  const isSeen = new Uint8Array(items.count);
  const firsts = new Int32Array(items.count * 2);
  eachBlock({ ...part, maps: [] }, 0, part.rows, (words) => {
    for (let at = 0; at < words.length; at += actionWords) {
      const item = words[at + 1];
      const time = words[at + 3];
      if (isSeen[item] && time >= firsts[item * 2]) continue;
      isSeen[item] = 1;
      firsts[item * 2] = time;
      firsts[item * 2 + 1] = words[at + 2];
    }
  });
  const ids = readMap(categories);
  for (let at = 1; at < firsts.length; at += 2) firsts[at] = ids[firsts[at]];
  return firsts;
}

export interface ItemCategoriesOptions {
  /** In the order of the log. */
  readonly parts: readonly { readonly firstsPath: string; readonly items: MapSlice }[];
  /** I. */
  readonly items: number;
  /** Gets int32 `category[item]`. */
  readonly path: string;
}

/** The category of each item: that of its earliest action, of two at one time that of the earlier line. */
export function itemCategories({ parts, items, path }: ItemCategoriesOptions): void {
  const times = new Float64Array(items).fill(Number.POSITIVE_INFINITY);
  const categories = new Int32Array(items);
  for (const part of parts) {
    const ids = readMap(part.items);
    const firsts = readWords(part.firstsPath, 0, ids.length * 2);
    for (let i = 0; i < ids.length; i++) {
      if (firsts[i * 2] >= times[ids[i]]) continue;
      times[ids[i]] = firsts[i * 2];
      categories[ids[i]] = firsts[i * 2 + 1];
    }
  }
  const sink = openSink(path);
  sink.write(bytesOf(categories));
  sink.close();
}
