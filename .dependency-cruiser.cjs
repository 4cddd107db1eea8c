const src = "^packages/([^/]+)/src/";
const tests = "\\.(test|test-d)\\.ts$|(^|/)test/";
const error = (name, from, to) => ({ name, severity: "error", from, to });

module.exports = {
  forbidden: [
    error(
      "core-imports-nothing",
      { path: "^packages/core/src/", pathNot: tests },
      { pathNot: "^packages/core/src/|^(node:)?(fs|path|os|crypto)$" },
    ),
    error(
      "no-siblings",
      { path: src, pathNot: tests },
      { path: "^packages/([^/]+)/", pathNot: ["^packages/$1/", "^packages/(core|host)/"] },
    ),
    error(
      "host-imports-only-node",
      { path: "^packages/host/src/", pathNot: tests },
      { pathNot: "^packages/host/src/|^(node:)?[a-z_/]+$" },
    ),
    error("packages-never-import-apps", { path: "^packages/" }, { path: "^apps/" }),
    error("source-never-imports-tests", { pathNot: tests }, { path: tests }),
    error(
      "tfjs-only-in-its-folder",
      { path: "^(packages|apps)/", pathNot: "gpu-backend/src/tfjs/" },
      { path: "@tensorflow/" },
    ),
    error("no-cycles", { path: "^(packages|apps)/" }, { circular: true }),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    exclude: { path: "dist/|native/build" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@fae/source", "import", "types", "default"],
    },
  },
};
