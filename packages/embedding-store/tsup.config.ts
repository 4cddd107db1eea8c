import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts", "save-thread": "src/save-thread.ts" },
  format: ["esm"],
  dts: { entry: "src/index.ts" },
  clean: true,
  sourcemap: false,
  target: "node20",
});
