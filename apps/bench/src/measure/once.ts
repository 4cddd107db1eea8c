import type { Bench } from "../scenario.js";

/** A store of shared work for one run. Work that failed is done again by whoever asks next. */
export function sharedWork(): Bench["once"] {
  const kept = new Map<string, Promise<unknown>>();
  return <T>(key: string, make: () => Promise<T>): Promise<T> => {
    const found = kept.get(key) ?? make();
    kept.set(key, found);
    found.catch(() => kept.delete(key));
    // A key is only ever used with one kind of work.
    return found as Promise<T>;
  };
}
