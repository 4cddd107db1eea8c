/**
 * Blocks of rows in a fixed amount of memory. Replacement is CLOCK: a hand goes round the slots and takes the first one that
 * was not used since it last came by, so popular blocks stay and a use costs one byte written.
 */
export interface RowCache {
  /** Where the kept blocks are. */
  readonly values: Float32Array;
  /** Position of a block's first value in `values`, or -1; good until the next `put`. */
  find(block: number): number;
  /** Keeps a copy of a block. */
  put(block: number, data: Float32Array): void;
}

/**
 * @param blockValues values of a full block
 * @param capacityBytes memory for values; when it is less than one block nothing is kept
 */
export function rowCache(blockValues: number, capacityBytes: number): RowCache {
  const slots = Math.floor(capacityBytes / (4 * blockValues));
  const values = new Float32Array(slots * blockValues);
  const blockOf = new Float64Array(slots).fill(-1);
  const wasUsed = new Uint8Array(slots);
  const slotOf = new Map<number, number>();
  let hand = 0;
  const nextSlot = (): number => {
    const slot = hand;
    hand = (hand + 1) % slots;
    return slot;
  };
  return {
    values,
    find(block) {
      const slot = slotOf.get(block);
      if (slot === undefined) return -1;
      wasUsed[slot] = 1;
      return slot * blockValues;
    },
    put(block, data) {
      if (slots === 0 || slotOf.has(block)) return;
      let slot = nextSlot();
      while (wasUsed[slot] === 1) {
        wasUsed[slot] = 0;
        slot = nextSlot();
      }
      slotOf.delete(blockOf[slot]);
      slotOf.set(block, slot);
      blockOf[slot] = block;
      values.set(data, slot * blockValues);
    },
  };
}
