import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@fae/source", "node", "import", "default"] },
  ssr: { resolve: { conditions: ["@fae/source", "node", "import", "default"] } },
  test: {
    include: ["packages/*/{src,test}/**/*.test.ts", "apps/*/{src,test}/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 60_000,
    pool: "forks",
  },
});
