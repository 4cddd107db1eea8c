import { DataError } from "@fae/core";
import { hashOf } from "./hash.js";

/** A record of the text file: its length in 4 bytes, then its bytes. */
const headBytes = 4;
const mostBytes = 2 ** 32 - 1;
const fullest = 0.75;
const firstSlots = 128;

/**
 * Ids 0, 1, 2 ... for keys of any bytes in the order in which they are first added. Memory: the bytes of the keys, 8 bytes a
 * key and 11 to 21 of slots, in which hash and id lie side by side; while it grows half as much again.
 */
export class TextDictionary {
  /** Hash and id + 1 of each slot; the second is 0 where it is empty. */
  #slots = new Int32Array(2 * firstSlots);
  /** Where the record of each key begins, and where that of the next key will. */
  #starts = new Uint32Array(firstSlots);
  #texts = new Uint8Array(4096);
  #size = 0;

  /** @param name of the table, for messages */
  constructor(private readonly name: string) {}

  /** Number of keys. */
  get size(): number {
    return this.#size;
  }

  /** Where the record of each key begins in `texts`. A view: valid until the next `add`. */
  get starts(): Uint32Array {
    return this.#starts.subarray(0, this.#size);
  }

  /** Records of all keys. A view: valid until the next `add`. */
  get texts(): Uint8Array {
    return this.#texts.subarray(0, this.#starts[this.#size]);
  }

  /** Id of the key, a new one if it was never added. @throws DataError when the texts of the table exceed 4 GiB */
  add(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end, 0) | 0;
    const slot = this.#find(hash, bytes, start, end);
    const found = this.#slots[slot + 1];
    if (found !== 0) return found - 1;
    if (2 * (this.#size + 1) > this.#slots.length * fullest) {
      this.#grow();
      return this.add(bytes, start, end);
    }
    this.#append(bytes, start, end);
    this.#slots[slot] = hash;
    this.#slots[slot + 1] = ++this.#size;
    return this.#size - 1;
  }

  /** Id of the key, -1 if it was never added. */
  idOf(bytes: Uint8Array, start: number, end: number): number {
    return this.#slots[this.#find(hashOf(bytes, start, end, 0) | 0, bytes, start, end) + 1] - 1;
  }

  /** The slot of the key, or the empty one where it belongs. */
  #find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (hash << 1) & mask;
    for (; slots[slot + 1] !== 0; slot = (slot + 2) & mask)
      if (slots[slot] === hash && this.#isKey(slots[slot + 1] - 1, bytes, start, end)) break;
    return slot;
  }

  #isKey(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const texts = this.#texts;
    const from = this.#starts[id] + headBytes;
    if (this.#starts[id + 1] - from !== end - start) return false;
    for (let i = start, j = from; i < end; i++, j++) if (bytes[i] !== texts[j]) return false;
    return true;
  }

  /** Adds the record of key `#size`. */
  #append(bytes: Uint8Array, start: number, end: number): void {
    const at = this.#starts[this.#size];
    const length = end - start;
    const next = at + headBytes + length;
    if (next > mostBytes) {
      throw new DataError(`The keys of table '${this.name}' exceed 4 GiB of text.`, {
        fix: "Give the table ids: hash and rows.",
        details: { table: this.name, keys: this.#size },
      });
    }
    if (next > this.#texts.length) {
      const more = new Uint8Array(Math.min(mostBytes, Math.max(next, 2 * this.#texts.length)));
      more.set(this.texts);
      this.#texts = more;
    }
    for (let i = 0; i < headBytes; i++) this.#texts[at + i] = length >>> (8 * i);
    for (let i = start, j = at + headBytes; i < end; i++, j++) this.#texts[j] = bytes[i];
    this.#starts[this.#size + 1] = next;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Int32Array(2 * old.length);
    const mask = slots.length - 1;
    for (let from = 0; from < old.length; from += 2) {
      if (old[from + 1] === 0) continue;
      let slot = (old[from] << 1) & mask;
      while (slots[slot + 1] !== 0) slot = (slot + 2) & mask;
      slots[slot] = old[from];
      slots[slot + 1] = old[from + 1];
    }
    this.#slots = slots;
    const starts = new Uint32Array(slots.length / 2);
    starts.set(this.#starts);
    this.#starts = starts;
  }
}

/** Length of the record that begins at a byte of a text file. */
export const lengthAt = (texts: Uint8Array, at: number): number =>
  (texts[at] | (texts[at + 1] << 8) | (texts[at + 2] << 16) | (texts[at + 3] << 24)) >>> 0;
