export type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The entries that were given: leaves `undefined` out, so that a library's own defaults apply. */
export const present = <T extends object>(values: T): Present<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;
