import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts", conformance: "src/conformance/index.ts" },
  format: ["esm"],
  dts: true,
  clean: true,
  sourcemap: false,
  target: "node20",
});
