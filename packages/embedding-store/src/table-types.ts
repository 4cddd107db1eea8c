/** Row ids; each in [0, rows). */
export type Ids = Int32Array | Uint32Array | readonly number[];

/** An embedding table in a file, for serving: rows are read by position when asked for. Calls may overlap. */
export interface Table extends AsyncDisposable {
  readonly name: string;
  /** N. */
  readonly rows: number;
  /** D. */
  readonly width: number;
  /** Rows `[ids.length, D]` in the order of the ids. @throws DataError for an id outside [0, rows). */
  lookup(ids: Ids): Promise<Float32Array>;
  /** Rows `[from, to)` in one read that leaves the cache alone: for going through a table. @throws DataError outside [0, rows]. */
  range(from: number, to: number): Promise<Float32Array>;
  /**
   * Sum of the rows of each bag, `[bags, D]`; an id of -1 adds nothing, nor does an empty bag.
   *
   * @param bags ids per bag, when all are equally long; or the position of each bag's first id, ascending from 0
   */
  lookupPooled(ids: Ids, bags: number | Uint32Array): Promise<Float32Array>;
  close(): Promise<void>;
}
