export { cpuEngine } from "./cpu/engine.js";
export { cudaEngine } from "./cuda/engine.js";
export type { BackendName } from "./tfjs/backend.js";
export { backendNames } from "./tfjs/backend.js";
export { tfjsEngine } from "./tfjs/engine.js";
