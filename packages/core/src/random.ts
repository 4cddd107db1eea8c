/**
 * Counter-based random numbers (Philox4x32-10, Salmon et al., SC'11): the value at a counter never depends on what was
 * drawn before, and is the same in TypeScript, C++ and CUDA. `native/common/random.h` is this file's twin.
 */

const high = (a: number, b: number): number => {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16); // < 2^32 + 2^16: exact in a double
  const middleLow = (middle % 0x10000) + a0 * b1;
  return (a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(middleLow / 0x10000)) >>> 0;
};

/** Four uint32 for a 128-bit counter and a 64-bit key; written to `out`. */
export function philox(out: Uint32Array, c0: number, c1: number, c2: number, c3: number, k0: number, k1: number): void {
  for (let round = 0; round < 10; round++) {
    const h0 = high(0xd2511f53, c0);
    const l0 = Math.imul(0xd2511f53, c0) >>> 0;
    const h1 = high(0xcd9e8d57, c2);
    const l1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c0 = (h1 ^ c1 ^ k0) >>> 0;
    c1 = l1;
    c2 = (h0 ^ c3 ^ k1) >>> 0;
    c3 = l0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** What a stream of draws is for: the second key word. Streams never overlap. */
export const streams = {
  table: 1,
  param: 2,
  permutation: 3,
  order: 4,
  sample: 5,
  synth: 6,
  rounding: 7,
  prepare: 8,
} as const;

/** FNV-1a of a name's UTF-8 bytes: gives each tensor its own draws, whatever the order of tensors. */
export function nameKey(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** uint32 to a float64 in (0, 1): (n + 0.5) / 2^32, exact. */
export const unit = (n: number): number => (n + 0.5) / 4294967296;

/**
 * Element `column` of row `row` of a uniform table: float32(bound * (2 u - 1)), u from
 * philox(counter = [row, column >> 2, nameKey, 0], key = [seed, streams.table])[column & 3].
 */
export function uniformRow(
  out: Float32Array | Float64Array,
  seed: number,
  key: number,
  row: number,
  bound: number,
): void {
  const words = new Uint32Array(4);
  for (let column = 0; column < out.length; column++) {
    if ((column & 3) === 0) philox(words, row, column >>> 2, key, 0, seed >>> 0, streams.table);
    out[column] = Math.fround(bound * (2 * unit(words[column & 3]) - 1));
  }
}

/**
 * Normal draws for a dense parameter by Box-Muller in float64, element i from counter [i >> 1, 0, nameKey, 0], key
 * [seed, streams.param]. Parameters are drawn in TypeScript only and written to the engine, so libm differences cannot matter.
 */
export function normals(out: Float32Array, seed: number, key: number, deviation: number): void {
  const words = new Uint32Array(4);
  for (let i = 0; i < out.length; i += 2) {
    philox(words, i >>> 1, 0, key, 0, seed >>> 0, streams.param);
    const radius = deviation * Math.sqrt(-2 * Math.log(unit(words[0])));
    out[i] = radius * Math.cos(2 * Math.PI * unit(words[1]));
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(2 * Math.PI * unit(words[1]));
  }
}

/**
 * A bijection of [0, n), n < 2^32: four Feistel rounds over the smallest even number of bits that covers n, cycle-walked.
 * Round keys: philox(counter = [epoch, 0, 0, 0], key = [seed, streams.permutation]). Round function: the 32-bit murmur3
 * finaliser of (right half XOR round key).
 */
export function permutation(n: number, seed: number, epoch: number): (i: number) => number {
  const half = n < 2 ? 1 : Math.max(1, Math.ceil((32 - Math.clz32(n - 1)) / 2));
  const mask = 2 ** half - 1;
  const keys = new Uint32Array(4);
  philox(keys, epoch >>> 0, 0, 0, 0, seed >>> 0, streams.permutation);
  return (i) => {
    if (n < 2) return i;
    let x = i;
    do {
      let left = (x >>> half) & mask;
      let right = x & mask;
      for (let round = 0; round < 4; round++) {
        let h = right ^ keys[round];
        h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
        h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
        h ^= h >>> 16;
        const next = left ^ (h & mask);
        left = right;
        right = next;
      }
      x = ((left << half) | right) >>> 0;
    } while (x >= n);
    return x;
  };
}

/** A small sequential generator on top of philox, for shuffles and property tests. */
export class Random {
  #seed: number;
  #stream: number;
  #counter = 0;
  #words = new Uint32Array(4);
  #left = 0;

  constructor(seed: number, stream: number = streams.order) {
    this.#seed = seed >>> 0;
    this.#stream = stream;
  }

  /** Next uint32. */
  word(): number {
    if (this.#left === 0) {
      philox(this.#words, this.#counter >>> 0, Math.floor(this.#counter / 4294967296), 0, 0, this.#seed, this.#stream);
      this.#counter++;
      this.#left = 4;
    }
    return this.#words[4 - this.#left--];
  }

  /** Uniform float64 in (0, 1). */
  next(): number {
    return unit(this.word());
  }

  /** Uniform integer in [0, n), n <= 2^32, without modulo bias worth noticing (below 2^-32 per value). */
  below(n: number): number {
    return Math.floor(((this.word() * 2097152 + (this.word() >>> 11)) / 9007199254740992) * n);
  }

  /** Fisher-Yates in place. */
  shuffle<A extends { length: number; [i: number]: number }>(array: A): A {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const kept = array[i];
      array[i] = array[j];
      array[j] = kept;
    }
    return array;
  }
}
