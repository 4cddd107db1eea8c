export type { OpCase, OpData, OpResult } from "./cases.js";
export { normalizedSquaredError, opCases, opData, opReference } from "./cases.js";
