/** Where tables live and how batches run. Plain data; made by strategies, executed by engines. */

/** Rows `[0, hotRows)` of a `split` table are hot: ids are in popularity order, so hot is a comparison. */
export type Placement =
  | { readonly on: "host" }
  | { readonly on: "device" }
  | { readonly on: "split"; readonly hotRows: number };

/**
 * How one kind of batch runs.
 * - `host`: everything in host memory on host threads; no device.
 * - `hybrid`: rows gathered and pooled on the host, copied over, network on the device, row gradients copied back, update on the host.
 * - `server`: hash-sharded servers own rows and dense parameters; a worker pulls distinct rows and parameters, pushes their gradients.
 * - `hot`: every row of the batch is hot; look-up, network and update wholly on the device. Embedding bytes moved: zero.
 * - `mixed`: hot rows on the device; distinct cold rows (with optimizer state) fetched ahead, updated on the device, written back.
 * - `device`: all tables on the device.
 */
export type RouteName = "host" | "hybrid" | "server" | "hot" | "mixed" | "device";

export interface Plan {
  readonly strategy: string;
  /** By table name; every table of the program is present. */
  readonly placements: Readonly<Record<string, Placement>>;
  /** Routes the order may use; the engine prepares exactly these. */
  readonly routes: readonly RouteName[];
  readonly devices: number;
  /** `mixed`: batches whose cold rows are fetched ahead, 0..4. Never changes a result. */
  readonly lookAhead: number;
  /** `server`: number of shards. */
  readonly servers: number;
  /** `server`: a worker may use rows that miss the updates of up to this many of the latest batches; 0 is synchronous. */
  readonly staleness: number;
}

/** A run of batches on one route, handed over in one call. */
export interface Segment {
  readonly kind: "segment";
  readonly route: RouteName;
  /** Name of a `BatchSource` of the job. */
  readonly source: string;
  /** Epoch whose permutation of inputs is used, from 0. */
  readonly epoch: number;
  /** Batch numbers of that source, in training order. */
  readonly batches: Uint32Array;
}

/** Asks for the loss on the held-out inputs before the order goes on. */
export interface TestRequest {
  readonly kind: "test";
}

/** What an order learns after each segment (`losses`) or test (`testLoss`). */
export interface Feedback {
  readonly losses?: Float64Array;
  readonly testLoss?: number;
}

export interface SourceIndex {
  readonly name: string;
  /** Inputs. */
  readonly rows: number;
  /** ceil(rows / batch). */
  readonly batches: number;
}

/** What an order may run over. `hot` and `cold` are present for a packed data set. */
export interface BatchIndex {
  readonly train: SourceIndex;
  readonly hot?: SourceIndex;
  readonly cold?: SourceIndex;
  readonly epochs: number;
  /** Batches per segment; default 64. */
  readonly segmentBatches: number;
  readonly shuffle: "none" | "total";
}

/** What a strategy plans for. */
export interface Problem {
  readonly tables: readonly { readonly name: string; readonly rows: number }[];
  /** Bytes of one row with its optimizer state. */
  readonly rowBytes: number;
  /** Device bytes for hot rows with their optimizer state. */
  readonly budgetBytes: number;
  /** Hot rows per table under the budget, from a profile; absent when none was made. */
  readonly hotRows?: readonly number[];
  readonly devices: number;
  readonly lookAhead?: number;
  readonly servers?: number;
  readonly staleness?: number;
}

/** Placement, routes and batch order. Pure: no I/O, no device, no clock. */
export interface Strategy {
  readonly name: string;
  /** One sentence: what it stands for. */
  readonly describes: string;
  /** Which sources the order reads: the whole split, or the packed hot and cold classes. */
  readonly reads: "train" | "hot-and-cold";
  /** @throws PlanError when the problem lacks what the strategy needs, e.g. a profile. */
  plan(problem: Problem): Plan;
  order(index: BatchIndex, plan: Plan, seed: number): Generator<Segment | TestRequest, void, Feedback>;
}
