import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts", worker: "src/prepare/worker.ts" },
  format: ["esm"],
  dts: true,
  clean: true,
  sourcemap: false,
  target: "node20",
});
