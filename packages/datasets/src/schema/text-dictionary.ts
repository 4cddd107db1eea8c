import { DataError } from "@fae/core";
import { hashOf } from "./hash.js";

/** A record of the text file: its length in 4 bytes, then its bytes. */
const headBytes = 4;
const mostBytes = 2 ** 32 - 1;
const fullest = 0.75;

/**
 * Ids 0, 1, 2 ... for keys of any bytes in the order in which they are first added. Memory: the bytes of the keys, 12 bytes a
 * key and 6 to 11 of slots; while it grows half as much again.
 */
export class TextDictionary {
  #slots = new Int32Array(256);
  #hashes = new Int32Array(192);
  #starts = new Uint32Array(192);
  #texts = new Uint8Array(4096);
  #textBytes = 0;
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
    return this.#texts.subarray(0, this.#textBytes);
  }

  /** Id of the key, a new one if it was never added. @throws DataError when the texts of the table exceed 4 GiB */
  add(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end, 0) | 0;
    const slot = this.#find(hash, bytes, start, end);
    const found = this.#slots[slot];
    if (found !== 0) return found - 1;
    if (this.#size === this.#hashes.length) {
      this.#grow();
      return this.add(bytes, start, end);
    }
    const id = this.#size++;
    this.#slots[slot] = id + 1;
    this.#hashes[id] = hash;
    this.#starts[id] = this.#append(bytes, start, end);
    return id;
  }

  /** Id of the key, -1 if it was never added. */
  idOf(bytes: Uint8Array, start: number, end: number): number {
    return this.#slots[this.#find(hashOf(bytes, start, end, 0) | 0, bytes, start, end)] - 1;
  }

  #find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const id = slots[slot] - 1;
      if (this.#hashes[id] === hash && this.#isKey(id, bytes, start, end)) return slot;
    }
    return slot;
  }

  #isKey(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const texts = this.#texts;
    const at = this.#starts[id];
    if (lengthAt(texts, at) !== end - start) return false;
    for (let i = start, j = at + headBytes; i < end; i++, j++) if (bytes[i] !== texts[j]) return false;
    return true;
  }

  #append(bytes: Uint8Array, start: number, end: number): number {
    const at = this.#textBytes;
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
    this.#textBytes = next;
    return at;
  }

  #grow(): void {
    const slots = new Int32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    for (let id = 0; id < this.#size; id++) {
      let slot = this.#hashes[id] & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id + 1;
    }
    this.#slots = slots;
    const most = slots.length * fullest;
    const hashes = new Int32Array(most);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    const starts = new Uint32Array(most);
    starts.set(this.#starts);
    this.#starts = starts;
  }
}

/** Length of the record that begins at a byte of a text file. */
export const lengthAt = (texts: Uint8Array, at: number): number =>
  (texts[at] | (texts[at + 1] << 8) | (texts[at + 2] << 16) | (texts[at + 3] << 24)) >>> 0;
