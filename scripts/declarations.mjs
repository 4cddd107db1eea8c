/**
 * Compiles users of every package, a module and a CommonJS file, against the built declarations as a project without @types/node
 * does: no ambient types, every declaration file checked.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { root } from "./setup.mjs";

const folders = ["packages", "apps"].flatMap((group) =>
  readdirSync(join(root, group)).map((name) => join(group, name)),
);

/** What a package exports to TypeScript, by the name to import it by. */
function entries(folder) {
  const { name, exports } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  return Object.entries(exports)
    .filter(([, { types }]) => types)
    .map(([path, { types }]) => ({ name: name + path.slice(1), types: join(root, folder, types) }));
}

function checkDeclarations() {
  const found = folders.filter((folder) => existsSync(join(root, folder, "package.json"))).flatMap(entries);
  const user = `import { trainModel, type TrainReport } from "@fae/trainer";
    export const report: Promise<TrainReport> = trainModel({ data: "a", model: "rmc2" });`;
  const users = new Map(["mts", "cts"].map((kind) => [join(root, `apps/bench/user.${kind}`), user]));
  const options = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ESNext,
    types: [],
    strict: true,
    skipLibCheck: false,
    noEmit: true,
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => users.has(path) || fileExists(path);
  host.readFile = (path) => users.get(path) ?? readFile(path);
  host.getSourceFile = (path, ...rest) =>
    users.has(path) ? ts.createSourceFile(path, user, rest[0]) : getSourceFile(path, ...rest);
  const program = ts.createProgram([...found.map(({ types }) => types), ...users.keys()], options, host);
  const diagnostics = ts.getPreEmitDiagnostics(program);
  if (diagnostics.length === 0) return;
  console.error(ts.formatDiagnostics(diagnostics, host));
  process.exitCode = 1;
}

checkDeclarations();
