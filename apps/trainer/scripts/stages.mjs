// Everything that writes, as stages to kill or to let fail: what to run, what is there afterwards, and whether it is right.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const at = (root, name) => join(root, name);

/** Digest of files and of everything in directories, by name. */
export function digest(...paths) {
  const hash = createHash("sha256");
  const add = (path, name) => {
    hash.update(`${name}\0`);
    if (!statSync(path).isDirectory()) hash.update(readFileSync(path));
    else for (const entry of readdirSync(path).sort()) add(join(path, entry), `${name}/${entry}`);
  };
  for (const [i, path] of paths.entries()) add(path, i);
  return hash.digest("hex");
}

/** Digest of the tensors of a run's model: its manifest holds the options, which name the run's directory. */
function modelDigest(run) {
  const steps = readdirSync(join(run, "model"));
  if (steps.length !== 1) throw new Error(`${run}/model holds ${steps.join(", ")}`);
  const step = join(run, "model", steps[0]);
  const files = readdirSync(step).filter((name) => name.endsWith(".safetensors"));
  return digest(...files.sort().map((name) => join(step, name)));
}

/** The packages that the command at `main` uses. */
async function libraries(main) {
  const modules = join(dirname(main), "../../..");
  const load = (name) => import(pathToFileURL(join(modules, "@fae", name, "dist/index.js")).href);
  return { datasets: await load("datasets"), store: await load("embedding-store") };
}

/**
 * Stages over a directory in which `prepareStages` has put what they need. `isThere`: something lies under the final name;
 * `check`: it opens and is whole; `finished`: nothing is left to do; `again`: arguments that finish what is there.
 */
export async function stages(root, main, { batches = 250, cadence = 64 } = {}) {
  const { datasets, store } = await libraries(main);
  const out = at(root, "out");
  const directory = (name, args) => ({
    name,
    first: [...args, "--out", out],
    again: [...args, "--out", out],
    isThere: () => existsSync(out),
    check: async () => void (await datasets.openPrepared(out)),
    finished: () => existsSync(out),
    digest: () => digest(out),
    paths: [out],
  });
  const training = (strategy) => ({
    name: `train ${strategy}`,
    first: [
      ...trainingArguments(root, strategy),
      ...[
        "--max-batches",
        `${batches}`,
        "--epochs",
        `${Math.ceil(batches / 250)}`,
        "--checkpoint-every",
        `${cadence}`,
        "--full-every",
        "3",
        "--run",
        out,
      ],
    ],
    again: ["train", "--resume", out, "--wait-for-space", "0"],
    isThere: () => existsSync(out),
    async check() {
      const saved = [];
      for (const folder of ["checkpoints", "model"]) {
        for (const { path } of await store.listCheckpoints(join(out, folder))) saved.push(path);
      }
      if (saved.length === 0) throw new Error(`${out} has neither checkpoint nor model`);
      for (const path of saved) await store.verifyCheckpoint(await store.openCheckpoint(path));
    },
    finished: () => existsSync(join(out, "report.json")),
    digest: () => modelDigest(out),
    paths: [out],
  });
  const exporting = (format) => {
    const paths = ["", ".json", ".keys.tsv", ...(format === "onnx" ? [".data"] : [])].map(
      (ending) => `${out}${ending}`,
    );
    return {
      name: `export ${format}`,
      first: ["export", at(root, "run"), "--format", format, "--out", out],
      again: ["export", at(root, "run"), "--format", format, "--out", out],
      isThere: () => existsSync(out),
      // The name that others open is there only when all of it is: the script compares with what it should be.
      check: async () => void digest(...paths),
      finished: () => existsSync(out),
      digest: () => digest(...paths),
      paths,
    };
  };
  const workers = ["--workers", "2"];
  return [
    directory("prepare", ["prepare", "criteo-kaggle", at(root, "raw"), "--part-bytes", "40000", ...workers]),
    directory("pack", ["pack", at(root, "kaggle"), ...workers]),
    ...["cpu-only", "mixed", "fae"].map(training),
    ...["safetensors", "onnx", "npz"].map(exporting),
  ];
}

/** Makes what the stages read. @param run runs the command, throws when it fails */
export async function prepareStages(root, run) {
  const profiled = ["--width", "4", "--optimizer", "adagrad", "--budget", "4KiB", "--small-tables", "0"];
  const synth = (source, rows, scale) => ["synth", source, "--rows", `${rows}`, "--scale", `${scale}`, "--seed", "3"];
  await run([...synth("criteo-kaggle", 400, 0.0001), "--format", "raw", "--out", at(root, "raw")]);
  await run(["prepare", "criteo-kaggle", at(root, "raw"), "--out", at(root, "kaggle")]);
  await run(["profile", at(root, "kaggle"), "--model", "dlrm", ...profiled]);
  await run([...synth("taobao", 600, 0.0005), "--out", at(root, "taobao")]);
  await run(["profile", at(root, "taobao"), "--model", "tbsm", ...profiled]);
  await run(["pack", at(root, "taobao"), "--out", at(root, "packed")]);
  await run([...trainingArguments(root, "cpu-only"), "--max-batches", "60", "--run", at(root, "run")]);
}

const trainingArguments = (root, strategy) => [
  ...["train", at(root, "packed"), "--model", "tbsm", "--width", "4", "--bottom-mlp", "8,4", "--optimizer", "adagrad"],
  ...[
    "--strategy",
    strategy,
    "--engine",
    "cpu",
    "--shuffle",
    "total",
    "--batch",
    "2",
    "--test-inputs",
    "20",
    "--wait-for-space",
    "0",
  ],
];

/** Names in a directory, and among the checkpoints of a run there, that only unfinished work has. */
export const leftovers = (root) =>
  [root, join(root, "out", "checkpoints")]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder))
    .filter((name) => /^\.(?!.*\.lock-)|\.partial|\.tmp$/.test(name));

/** Files of locks in a directory. */
export const locks = (root) => readdirSync(root).filter((name) => name.includes(".lock-"));
