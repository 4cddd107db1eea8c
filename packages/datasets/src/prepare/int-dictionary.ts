/**
 * Ids 0, 1, 2 ... for int32 keys in the order in which they are first added. Open addressing over typed arrays: 4 bytes a key
 * and 8 to 16 bytes of slots. Grows by doubling; holds at most 2^30 keys.
 */
export class IntDictionary {
  #slots: Int32Array;
  #keys: Int32Array;
  #shift: number;
  #size = 0;

  constructor(capacity = 64) {
    const bits = Math.max(6, Math.ceil(Math.log2(capacity * 2)));
    this.#slots = new Int32Array(2 ** bits);
    this.#keys = new Int32Array(2 ** (bits - 1));
    this.#shift = 32 - bits;
  }

  /** Number of keys. */
  get size(): number {
    return this.#size;
  }

  /** The keys, position = id. A view: valid until the next `add` or `clear`. */
  get keys(): Int32Array {
    return this.#keys.subarray(0, this.#size);
  }

  /** Id of the key, a new one if it was never added. */
  add(key: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    // The odd multiplier spreads keys that follow one another, as keys after a modulo do.
    let slot = Math.imul(key, 0x9e3779b1) >>> this.#shift;
    for (let id = slots[slot] - 1; id >= 0; id = slots[slot] - 1) {
      if (this.#keys[id] === key) return id;
      slot = (slot + 1) & mask;
    }
    const id = this.#size;
    if (id === this.#keys.length) {
      this.#grow();
      return this.add(key);
    }
    slots[slot] = id + 1;
    this.#keys[id] = key;
    this.#size = id + 1;
    return id;
  }

  /** Id of the key, -1 if it was never added. */
  idOf(key: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = Math.imul(key, 0x9e3779b1) >>> this.#shift;
    for (let id = slots[slot] - 1; id >= 0; id = slots[slot] - 1) {
      if (this.#keys[id] === key) return id;
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  /** Forgets all keys, keeps the memory. */
  clear(): void {
    if (this.#size > 0) this.#slots.fill(0);
    this.#size = 0;
  }

  #grow(): void {
    const keys = new Int32Array(this.#keys.length * 2);
    keys.set(this.#keys);
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    this.#shift--;
    for (let id = 0; id < this.#size; id++) {
      let slot = Math.imul(keys[id], 0x9e3779b1) >>> this.#shift;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = id + 1;
    }
    this.#keys = keys;
    this.#slots = slots;
  }
}
