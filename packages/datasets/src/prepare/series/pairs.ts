import { readFileSync } from "node:fs";
import { drawsFor, purposes } from "../draws.js";
import { bytesOf, openSink } from "../files.js";
import { readWords } from "../part-rows.js";
import { maxHistory, readHistories } from "./histories.js";
import { fillLine, newLine } from "./line.js";
import { roles } from "./roles.js";
import { firstItem, seriesOf } from "./series.js";

/** Distinct (item, category) pairs, numbered by first appearance. */
export class PairSet {
  #slots = new Int32Array(1024);
  #pairs = new Int32Array(1024);
  #size = 0;

  /** Number of pairs. */
  get size(): number {
    return this.#size;
  }

  /** `item, category` of each pair; a view. */
  get pairs(): Int32Array {
    return this.#pairs.subarray(0, this.#size * 2);
  }

  add(item: number, category: number): void {
    const slots = this.#slots;
    const pairs = this.#pairs;
    const mask = slots.length - 1;
    let slot = slotOf(item, category) & mask;
    for (let i = slots[slot] - 1; i >= 0; i = slots[slot] - 1) {
      if (pairs[i * 2] === item && pairs[i * 2 + 1] === category) return;
      slot = (slot + 1) & mask;
    }
    slots[slot] = this.#size + 1;
    pairs[this.#size * 2] = item;
    pairs[this.#size * 2 + 1] = category;
    this.#size++;
    if (this.#size * 2 === pairs.length) this.#grow();
  }

  #grow(): void {
    const pairs = new Int32Array(this.#pairs.length * 2);
    pairs.set(this.#pairs);
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let i = 0; i < this.#size; i++) {
      let slot = slotOf(pairs[i * 2], pairs[i * 2 + 1]) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = i + 1;
    }
    this.#pairs = pairs;
    this.#slots = slots;
  }
}

function slotOf(item: number, category: number): number {
  const hash = Math.imul(Math.imul(item, 0x9e3779b1) ^ category, 0x85ebca6b);
  return hash ^ (hash >>> 15);
}

export interface CollectPairsOptions {
  readonly buckets: readonly string[];
  readonly users: number;
  readonly bucketUsers: number;
  readonly items: number;
  readonly itemCategoryPath: string;
  readonly rolesPath: string;
  readonly seed: number;
  readonly perUser: number;
  /** Gets int32 `item, category` of each pair. */
  readonly path: string;
}

export interface PairsReport {
  readonly pairs: number;
  /** Series that each bucket gives, by split. */
  readonly series: readonly { readonly train: number; readonly val: number; readonly test: number }[];
}

/** The pairs that negative items are drawn from, those of all lines of TBSM's two files; and how many series there will be. */
export function collectPairs(options: CollectPairsOptions): PairsReport {
  const { buckets, users, bucketUsers, items, itemCategoryPath, rolesPath, seed, perUser, path } = options;
  const itemCategory = readWords(itemCategoryPath, 0, items);
  const bits = readFileSync(rolesPath);
  const targets = drawsFor(seed, purposes.target);
  const set = new PairSet();
  const line = newLine();
  const series = buckets.map((bucketPath, bucket) => {
    const histories = readHistories(bucketPath, bucket, users, bucketUsers);
    const counts = { train: 0, val: 0, test: 0 };
    for (let index = 0; index < histories.users; index++) {
      const role = bits[histories.firstUser + index];
      if ((role & roles.listed) === 0) continue;
      fillLine(line, histories, index, targets, itemCategory);
      for (let i = maxHistory - line.length; i < maxHistory; i++) set.add(line.items[i], line.categories[i]);
      const first = firstItem(line);
      if (role & roles.train) counts.train += 2 * seriesOf(first, perUser);
      if (role & roles.val) counts.val += 2 * Math.min(1, seriesOf(first, perUser));
      if (role & roles.test) counts.test++;
    }
    return counts;
  });
  const sink = openSink(path);
  sink.write(bytesOf(set.pairs));
  sink.close();
  return { pairs: set.size, series };
}
