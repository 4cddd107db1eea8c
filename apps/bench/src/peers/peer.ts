import { ConfigError, type PreparedData, type Program } from "@fae/core";
import { z } from "zod";
import { referenceScript } from "../reference-script.js";
import { exists } from "../result-file.js";
import { type Python, runPython } from "./python.js";

/** A training run in PyTorch over the training split of an unpacked data set, batches in file order. */
export interface PeerRequest {
  readonly data: PreparedData;
  /** A DLRM, or a TBSM with one head; its layer sizes become those of the PyTorch module. */
  readonly program: Program;
  readonly optimizer: "sgd" | "adagrad";
  readonly learningRate: number;
  readonly batch: number;
  readonly steps: number;
  /** Steps whose seconds are left out. */
  readonly warmUp: number;
  readonly threads: number;
  readonly device: "cpu" | "hybrid";
  /** Safetensors file of initial weights; absent: drawn by the peer. */
  readonly init?: string;
  readonly checkouts: Checkouts;
}

/** Folders of the reference implementations; without one the peer is our own PyTorch module. */
export interface Checkouts {
  readonly dlrm?: string | undefined;
  readonly tbsm?: string | undefined;
}

const answer = z.object({
  model: z.string(),
  torch: z.string(),
  threads: z.number(),
  device: z.string(),
  gemm_gflops: z.number(),
  losses: z.array(z.number()),
  seconds: z.array(z.number()),
});
export type PeerRun = z.infer<typeof answer>;

/** Trains the peer. @throws EngineError with its own words, FaeError ERR_INTERRUPTED */
export async function runPeer(python: Python, request: PeerRequest, signal: AbortSignal): Promise<PeerRun> {
  const script = referenceScript(request.program.steps > 0 ? "peer_tbsm.py" : "peer_dlrm.py");
  return answer.parse(await runPython(python, script, peerArguments(request), signal));
}

/** Command line of the peer's script. */
export function peerArguments(request: PeerRequest): string[] {
  const { data, program, checkouts, init } = request;
  const isTbsm = program.steps > 0;
  const prefix = isTbsm ? "dlrm." : "";
  const of = (name: string) => layerSizes(program, name);
  const options: Record<string, string | number | undefined> = {
    rows: data.splits.train?.path,
    tables: data.tables.map(({ rows }) => rows).join(),
    dense: data.layout.denseFeatures,
    "dense-encoding": data.layout.denseEncoding,
    width: program.width,
    bottom: of(`${prefix}bot_l`).join(),
    top: of(`${prefix}top_l`).slice(1).join(),
    batch: request.batch,
    steps: request.steps,
    "warm-up": request.warmUp,
    optimizer: request.optimizer,
    lr: request.learningRate,
    threads: request.threads,
    init,
    ...(isTbsm
      ? {
          history: program.steps - 1,
          attention: of("ams.0.mlp").slice(1, -1).join(),
          head: of("mlps.0").slice(1).join(),
          checkout: checkouts.tbsm,
          dlrm: checkouts.tbsm === undefined ? undefined : checkouts.dlrm,
        }
      : { device: request.device, checkout: checkouts.dlrm }),
  };
  return Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]));
}

/** Sizes of an MLP's values, first to last, from the shapes of its weights. */
export function layerSizes(program: Pick<Program, "params">, mlp: string): number[] {
  const weights = program.params.filter(({ name }) => name.startsWith(`${mlp}.`) && name.endsWith(".weight"));
  return weights.flatMap(({ shape: [outputs, inputs] }, i) => (i === 0 ? [inputs, outputs] : [outputs]));
}

const checkoutFiles = { dlrm: "dlrm_s_pytorch.py", tbsm: "tbsm_pytorch.py" } as const;

/** @throws ConfigError when a folder is no checkout of the repository that the option is for. */
export async function checkCheckouts(checkouts: Checkouts): Promise<void> {
  for (const name of ["dlrm", "tbsm"] as const) {
    const folder = checkouts[name];
    const file = checkoutFiles[name];
    if (folder === undefined || (await exists(`${folder}/${file}`))) continue;
    throw new ConfigError(`'${folder}' is no checkout of facebookresearch/${name}: it has no ${file}.`, {
      fix: `Clone https://github.com/facebookresearch/${name} and give its folder with --reference-${name}.`,
      details: { option: `reference-${name}`, found: folder, expected: file },
    });
  }
  if (checkouts.tbsm !== undefined && checkouts.dlrm === undefined) {
    throw new ConfigError("--reference-tbsm needs --reference-dlrm: TBSM is built from DLRM's classes.", {
      fix: "Give both checkouts.",
      details: { option: "reference-dlrm" },
    });
  }
}
