import type { OpName, OpTable } from "@fae/core";
import { activation } from "./activation.js";
import { add } from "./add.js";
import { batchDot } from "./batch-dot.js";
import { concat } from "./concat.js";
import { interact } from "./interact.js";
import { linear } from "./linear.js";
import type { Lower } from "./lower.js";
import { multiply } from "./multiply.js";
import { normalize } from "./normalize.js";
import { reduceSum } from "./reduce-sum.js";
import { slice } from "./slice.js";
import { weightedSum } from "./weighted-sum.js";

/** Every op in ONNX opset 17, by name. */
export const lower: OpTable<{ [K in OpName]: Lower<K> }> = {
  linear,
  interact,
  concat,
  slice,
  normalize,
  "batch-dot": batchDot,
  "weighted-sum": weightedSum,
  "reduce-sum": reduceSum,
  activation,
  add,
  multiply,
};
