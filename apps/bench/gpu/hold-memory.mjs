/**
 * Takes GPU memory with a session of the engine and keeps it until it is killed: the other program of failures.sh.
 *
 *     node hold-memory.mjs GPU_BACKEND_INDEX_JS ENGINE MIB
 *
 * Prints "holding N MiB", or one JSON object with code and message and exits with 1.
 */
import { pathToFileURL } from "node:url";

const [index, name, mebibytes] = process.argv.slice(2);
const { cudaEngine, cpuEngine } = await import(pathToFileURL(index).href);
const width = 512;
const rows = Math.max(1, Math.floor((Number(mebibytes) * 2 ** 20) / (4 * width)));
const zeros = { kind: "zeros" };
const linear = (output, input, ...params) => ({
  op: "linear",
  output,
  inputs: [input],
  params,
  attributes: { activation: "none", transposed: false },
});
const program = {
  name: "hold-memory",
  denseFeatures: 1,
  steps: 0,
  width,
  tables: [{ name: "held", rows, init: zeros }],
  params: [
    { name: "bottom", shape: [width, 1], init: zeros },
    { name: "top", shape: [1, width + 1], init: zeros },
  ],
  nodes: [
    linear("x", "dense", "bottom"),
    { op: "interact", output: "y", inputs: ["x", "rows"], params: [], attributes: { self: false } },
    linear("z", "y", "top"),
  ],
  logit: "z",
};
const plan = {
  strategy: "hold-memory",
  placements: { held: { on: "device" } },
  routes: ["device"],
  devices: 1,
  lookAhead: 0,
  servers: 1,
  staleness: 0,
};
const source = {
  name: "none",
  layout: { denseFeatures: 1, denseEncoding: "float32", steps: 0, hotness: [1] },
  rows: 1,
  storage: { kind: "memory", words: new Uint32Array(3) },
  shuffleSeed: null,
};
const job = { program, plan, optimizer: { name: "sgd" }, sources: [source], batch: 1, seed: 1, threads: 1 };
try {
  const engine = name === "cuda" ? cudaEngine() : cpuEngine();
  const session = await engine.open(job);
  const { deviceBytes } = await session.memory();
  console.log(`holding ${Math.round(deviceBytes / 2 ** 20)} MiB`);
  setInterval(() => session.memory(), 60_000);
} catch (error) {
  console.log(JSON.stringify({ error: { code: error.code, message: error.message, details: error.details } }));
  process.exitCode = 1;
}
