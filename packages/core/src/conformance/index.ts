export type { OpCase, OpData, OpResult } from "./cases.js";
export { normalizedSquaredError, opCases, opData, opReference } from "./cases.js";
export type { ExactnessOptions, ExactnessResult } from "./exactness.js";
export { checkExactness, tensorNames } from "./exactness.js";
export type { ExactnessProblem, ProblemStep, Variant } from "./problems.js";
export { randomProblem, variantsOf } from "./problems.js";
export type { ProgramSizes } from "./programs.js";
export { randomProgram } from "./programs.js";
