import {
  checkArguments,
  checkOptions,
  compile,
  correctedScore,
  DataError,
  DisposedError,
  idsPerStep,
  is,
  type Program,
  type RowLayout,
  ShapeError,
  score,
} from "@fae/core";
import { openTable, type Table } from "@fae/embedding-store";
import { denseForward } from "./forward.js";
import { openSaved, type SavedModel } from "./saved-model.js";
import { readParameter } from "./weights.js";

/** Inputs to score; S' = max(1, S), sumL = ids per step. */
export interface ModelInputs {
  /** `[inputs, S', F]` as the model sees them: of raw counts x (Criteo, Avazu) ln(x + 1). */
  readonly dense: Float32Array;
  /** `[inputs, S', sumL]`, table by table, in the data set's original ids; -1 is no row. */
  readonly ids: Int32Array;
}

export interface OpenModelOptions {
  /** Prepared data set that the model was trained on, where the checkpoint does not tell it. */
  readonly data?: string;
  /** Memory for rows that were read before, over all tables; default 256 MiB. */
  readonly cacheBytes?: number;
  /** Leaves scores as the model learnt them where its training data were thinned; default: corrected. */
  readonly uncorrected?: boolean;
}

/** A trained model that predicts. Calls may overlap. */
export interface Model extends AsyncDisposable {
  readonly program: Program;
  readonly layout: RowLayout;
  /** Updates that made it. */
  readonly step: number;
  /**
   * Click probability of each input.
   * @throws ShapeError for arrays that do not fit, DataError for an id that is no row and for a dense value or weight that is
   *   NaN or infinite, DisposedError when the model is closed
   */
  predict(inputs: ModelInputs): Promise<Float32Array>;
  close(): Promise<void>;
}

const inputsKind = is.having("dense values and ids", { dense: is.a("Float32Array"), ids: is.a("Int32Array") });

/** Inputs that go through the network at once: their values stay in the processor's caches. */
const inputsAtOnce = 64;

/**
 * Opens a run directory or checkpoint for prediction. Rows stay on disk and are read by position, so memory holds the dense
 * parameters and `cacheBytes` of rows, whatever the size of the tables. Runs in one thread of JavaScript; to score millions of
 * inputs use an engine (`evaluateModel`).
 * @throws DataError when it is damaged or of other data. Row files are checked for their sizes only, since to read them whole
 *   would take as long as they are large; `predictScores` and `exportModel` verify every byte.
 */
export async function openModel(path: string, options: OpenModelOptions = {}): Promise<Model> {
  checkArguments("openModel", { path: [path, is.text] });
  checkOptions<OpenModelOptions>("openModel", options, {
    data: is.maybe(is.text),
    cacheBytes: is.maybe(is.whole()),
    uncorrected: is.maybe(is.flag),
  });
  const { data, cacheBytes, uncorrected } = options;
  return serve(await openSaved(path, data), { cacheBytes, uncorrected });
}

/** The same for a model that is already found. */
export async function serve(
  { program, layout, checkpoint, keptNegatives }: SavedModel,
  {
    cacheBytes = 256 * 2 ** 20,
    uncorrected = false,
  }: { readonly cacheBytes?: number | undefined; readonly uncorrected?: boolean | undefined } = {},
): Promise<Model> {
  const kept = uncorrected ? 1 : keptNegatives;
  const params = new Map<string, Float32Array>();
  for (const { name } of program.params) params.set(name, await readParameter(checkpoint, name));
  const forward = denseForward(compile(program), params, inputsAtOnce);
  const tables: Table[] = [];
  let isOpen = true;
  const close = async () => {
    isOpen = false;
    await Promise.all(tables.splice(0).map((table) => table.close()));
  };
  try {
    const share = Math.floor(cacheBytes / program.tables.length);
    for (const { name, rows } of program.tables) {
      const tableBytes = 4 * rows * program.width + 8192; // rows are kept in blocks of a page
      tables.push(await openTable(checkpoint.path, name, { cacheBytes: Math.min(share, tableBytes) }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  const steps = Math.max(1, layout.steps);
  const perInput = { dense: steps * layout.denseFeatures, ids: steps * idsPerStep(layout) };

  const parts = function* ({ dense, ids }: ModelInputs, inputs: number): Generator<ModelInputs> {
    for (let from = 0; from < inputs; from += inputsAtOnce) {
      const to = Math.min(inputs, from + inputsAtOnce);
      yield {
        dense: dense.subarray(from * perInput.dense, to * perInput.dense),
        ids: ids.subarray(from * perInput.ids, to * perInput.ids),
      };
    }
  };

  return {
    program,
    layout,
    step: checkpoint.manifest.step,
    async predict(given) {
      if (!isOpen) throw new DisposedError(`Model '${checkpoint.path}' is closed.`, { fix: "Open it again." });
      checkArguments("predict", { inputs: [given, inputsKind] });
      const inputs = given.ids.length / perInput.ids;
      checkSizes(given, inputs, perInput);
      checkDense(given.dense, perInput.dense);
      const scores = new Float32Array(inputs);
      const rest = parts(given, inputs);
      const next = () => {
        const { value } = rest.next();
        return value ? { dense: value.dense, rows: pooledRows(tables, layout, value.ids, program.width) } : null;
      };
      let at = 0;
      for (let part = next(); part !== null; ) {
        const rows = await part.rows;
        const following = next(); // its rows are read while this part is computed
        const count = Math.min(inputsAtOnce, inputs - at);
        const logits = forward({ inputs: count, dense: part.dense, rows });
        for (let i = 0; i < count; i++) scores[at++] = correctedScore(score(logits[i]), kept);
        part = following;
      }
      return scores;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function checkSizes(
  { dense }: ModelInputs,
  inputs: number,
  perInput: { readonly dense: number; readonly ids: number },
) {
  if (Number.isInteger(inputs) && dense.length === inputs * perInput.dense) return;
  throw new ShapeError(
    `There are ${dense.length} dense values and ${inputs * perInput.ids} ids; an input has ${perInput.dense} and ${perInput.ids}.`,
    {
      fix: "Give both for the same number of inputs.",
      details: { expected: perInput, found: { dense: dense.length } },
    },
  );
}

function checkDense(dense: Float32Array, perInput: number): void {
  const at = dense.findIndex((value) => !Number.isFinite(value));
  if (at === -1) return;
  const [input, value] = [Math.floor(at / perInput), at % perInput];
  throw new DataError(`Dense value ${value} of input ${input} is ${dense[at]}, expected a finite number.`, {
    fix: "Give a number that stands for a missing value, as in training.",
    details: { input, feature: value, found: String(dense[at]) },
  });
}

/** Pooled rows `[inputs, S', T, D]` of ids `[inputs, S', sumL]`. */
async function pooledRows(
  tables: readonly Table[],
  layout: RowLayout,
  ids: Int32Array,
  width: number,
): Promise<Float32Array> {
  const perStep = idsPerStep(layout);
  const groups = ids.length / perStep;
  const out = new Float32Array(groups * tables.length * width);
  let first = 0;
  await Promise.all(
    tables.map(async (table, t) => {
      const bag = layout.hotness[t];
      const from = first;
      first += bag;
      const own = new Int32Array(groups * bag);
      for (let g = 0; g < groups; g++) for (let l = 0; l < bag; l++) own[g * bag + l] = ids[g * perStep + from + l];
      const pooled = finiteRows(await table.lookupPooled(own, bag), table, own);
      for (let g = 0; g < groups; g++)
        out.set(pooled.subarray(g * width, (g + 1) * width), (g * tables.length + t) * width);
    }),
  );
  return out;
}

/** @throws DataError when a sum of rows is NaN or infinite, naming table and ids */
function finiteRows(pooled: Float32Array, { name, width }: Table, ids: Int32Array): Float32Array {
  const at = pooled.findIndex((value) => !Number.isFinite(value));
  if (at === -1) return pooled;
  const bag = (ids.length * width) / pooled.length;
  const first = Math.floor(at / width) * bag;
  const read = [...ids.subarray(first, first + bag)];
  throw new DataError(`Table '${name}' gives ${pooled[at]} for ids ${read.join(", ")}.`, {
    fix: "Use an earlier checkpoint, or train again with a lower learning rate.",
    details: { table: name, ids: read, found: String(pooled[at]) },
  });
}
