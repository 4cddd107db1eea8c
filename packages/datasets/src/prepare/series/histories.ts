import { statSync } from "node:fs";
import { bytesOf, openSink } from "../files.js";
import { readWords } from "../part-rows.js";
import { readBlock } from "../shuffle.js";
import { actionWords } from "./actions.js";

/** Longest history that a line of TBSM's files holds; the last action, the target, included. */
export const maxHistory = 200;

export interface CollectHistoriesOptions {
  readonly bucket: number;
  readonly users: number;
  readonly bucketUsers: number;
  readonly scatterPaths: readonly string[];
  readonly path: string;
}

/**
 * The histories of the users of one bucket. On file: `time of the last action, actions kept` for each user, then item and
 * category of every kept action, users ascending, oldest first.
 */
export interface Histories {
  /** Number of users; the first has rank `firstUser`. */
  readonly users: number;
  readonly firstUser: number;
  lastTime(user: number): number;
  /** At least 1, at most `maxHistory`. */
  length(user: number): number;
  /** Word of `actions` where item and category of the user's first kept action are. */
  start(user: number): number;
  readonly actions: Int32Array;
}

/** Sorts the actions of each user of a bucket by time, those of one time in the order of the log, and keeps the last 200. */
export function collectHistories({ bucket, users, bucketUsers, scatterPaths, path }: CollectHistoriesOptions): void {
  const count = Math.min(bucketUsers, users - bucket * bucketUsers);
  const pieces: Int32Array[] = [];
  const where = { scatterPaths, places: users, blockPlaces: bucketUsers, stride: actionWords };
  readBlock(where, bucket, (records) => pieces.push(records));
  const starts = new Uint32Array(count + 1);
  eachAction(pieces, (user) => starts[user + 1]++);
  for (let user = 0; user < count; user++) starts[user + 1] += starts[user];
  const total = starts[count];
  const next = starts.slice();
  const items = new Int32Array(total);
  const categories = new Int32Array(total);
  const times = new Int32Array(total);
  eachAction(pieces, (user, item, category, time) => {
    const at = next[user]++;
    items[at] = item;
    categories[at] = category;
    times[at] = time;
  });
  const heads = new Int32Array(count * 2);
  const actions = new Int32Array(total * 2);
  let used = 0;
  for (let user = 0; user < count; user++) {
    const order = byTime(times, starts[user], starts[user + 1]);
    const kept = order.slice(-maxHistory);
    for (const at of kept) {
      actions[used++] = items[at];
      actions[used++] = categories[at];
    }
    heads[user * 2] = times[order[order.length - 1]];
    heads[user * 2 + 1] = kept.length;
  }
  const sink = openSink(path);
  sink.write(bytesOf(heads));
  sink.write(bytesOf(actions.subarray(0, used)));
  sink.close();
}

function eachAction(
  pieces: readonly Int32Array[],
  use: (user: number, item: number, category: number, time: number) => void,
): void {
  for (const words of pieces) {
    for (let at = 0; at < words.length; at += actionWords + 1)
      use(words[at], words[at + 2], words[at + 3], words[at + 4]);
  }
}

/** Positions `[from, to)` by time, positions of one time ascending. */
function byTime(times: Int32Array, from: number, to: number): number[] {
  const order = Array.from({ length: to - from }, (_, i) => from + i);
  const isSorted = order.every((at) => at === from || times[at] >= times[at - 1]);
  return isSorted ? order : order.sort((a, b) => times[a] - times[b] || a - b);
}

/** Opens a file of `collectHistories`. */
export function readHistories(path: string, bucket: number, users: number, bucketUsers: number): Histories {
  const firstUser = bucket * bucketUsers;
  const count = Math.min(bucketUsers, users - firstUser);
  const words = readWords(path, 0, statSync(path).size / 4);
  const actions = words.subarray(count * 2);
  const starts = new Uint32Array(count);
  for (let user = 1; user < count; user++) starts[user] = starts[user - 1] + 2 * words[user * 2 - 1];
  return {
    users: count,
    firstUser,
    lastTime: (user) => words[user * 2],
    length: (user) => words[user * 2 + 1],
    start: (user) => starts[user],
    actions,
  };
}
