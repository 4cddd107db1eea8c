/** Spreads keys that follow one another, as keys after a modulo do. */
const spread = 0x9e3779b1;
const firstSlots = 128;
/** Share of the slots that may be in use: at most 3/4, so that a search stays short. */
const fullest = 0.75;

/**
 * Ids 0, 1, 2 ... for int32 keys in the order in which they are first added. Open addressing over typed arrays: 4 to 8 bytes
 * a key and 11 to 21 of slots, in which key and id lie side by side; while it grows half as much again. Grows by doubling;
 * holds at most 2^29 keys.
 */
export class IntDictionary {
  /** Key and id + 1 of each slot; 0 0 where it is empty. May be longer than the part in use. */
  #slots = new Int32Array(0);
  /** The slots before the last growth: memory for the next one. */
  #spare = new Int32Array(0);
  #keys = new Int32Array(0);
  #used = 0;
  #shift = 0;
  /** Keys that the slots in use may hold. */
  #most = 0;
  #size = 0;

  /** Makes room for so many keys at once. */
  constructor(expected = 0) {
    this.#use(slotsFor(expected));
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
    const mask = 2 * this.#used - 1;
    let slot = (Math.imul(key, spread) >>> this.#shift) << 1;
    for (; slots[slot + 1] !== 0; slot = (slot + 2) & mask) {
      if (slots[slot] === key) return slots[slot + 1] - 1;
    }
    if (this.#size === this.#most) {
      this.#grow();
      return this.add(key);
    }
    const id = this.#size++;
    slots[slot] = key;
    slots[slot + 1] = id + 1;
    this.#keys[id] = key;
    return id;
  }

  /** Replaces the keys in `words[from, to)` by their ids, as `add` gives them. */
  addAll(words: Int32Array, from: number, to: number): void {
    let slots = this.#slots;
    let shift = this.#shift;
    for (let at = from; at < to; at++) {
      const key = words[at];
      const slot = (Math.imul(key, spread) >>> shift) << 1;
      const id = slots[slot + 1];
      if (slots[slot] === key && id !== 0) words[at] = id - 1;
      else {
        words[at] = this.add(key);
        slots = this.#slots;
        shift = this.#shift;
      }
    }
  }

  /** Id of the key, -1 if it was never added. */
  idOf(key: number): number {
    const slots = this.#slots;
    const mask = 2 * this.#used - 1;
    let slot = (Math.imul(key, spread) >>> this.#shift) << 1;
    for (; slots[slot + 1] !== 0; slot = (slot + 2) & mask) {
      if (slots[slot] === key) return slots[slot + 1] - 1;
    }
    return -1;
  }

  /** Forgets all keys, keeps the memory. Uses no more of it than `expected` keys need: the caches hold that longer. */
  clear(expected = 0): void {
    this.#size = 0;
    this.#use(slotsFor(expected));
  }

  #grow(): void {
    const old = this.#slots;
    const oldEnd = 2 * this.#used;
    this.#slots = this.#spare;
    this.#spare = old;
    this.#use(this.#used * 2);
    const slots = this.#slots;
    const mask = 2 * this.#used - 1;
    // Slots lie in the order of the hashes: both tables are gone through front to back.
    for (let from = 0; from < oldEnd; from += 2) {
      const id = old[from + 1];
      if (id === 0) continue;
      let slot = (Math.imul(old[from], spread) >>> this.#shift) << 1;
      while (slots[slot + 1] !== 0) slot = (slot + 2) & mask;
      slots[slot] = old[from];
      slots[slot + 1] = id;
    }
  }

  /** Empties `used` slots and makes room for as many keys as may fill them. */
  #use(used: number): void {
    this.#used = used;
    this.#shift = shiftFor(used);
    if (this.#slots.length < 2 * used) this.#slots = new Int32Array(2 * used);
    else this.#slots.fill(0, 0, 2 * used);
    this.#most = used * fullest;
    if (this.#keys.length >= this.#most) return;
    const keys = new Int32Array(this.#most);
    keys.set(this.#keys.subarray(0, this.#size));
    this.#keys = keys;
  }
}

const slotsFor = (keys: number): number => Math.max(firstSlots, 2 ** Math.ceil(Math.log2(keys / fullest)));

const shiftFor = (slots: number): number => Math.clz32(slots) + 1;
