import { batchDot } from "./batch-dot.js";
import { concat } from "./concat.js";
import { interact } from "./interact.js";
import { linear } from "./linear.js";
import { normalize } from "./normalize.js";
import { slice } from "./slice.js";
import type { OpDefinition, OpName, OpTable } from "./types.js";
import { weightedSum } from "./weighted-sum.js";

/** Every op's shape rule and its slow, plain definition. */
export const ops: OpTable<{ [K in OpName]: OpDefinition<K> }> = {
  linear,
  interact,
  concat,
  slice,
  normalize,
  "batch-dot": batchDot,
  "weighted-sum": weightedSum,
};

/** The definition of an op whose name is only known at run time; the node handed to it must be of that op. */
export const opOf = (name: OpName): OpDefinition<OpName> => ops[name] as unknown as OpDefinition<OpName>;
