import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { ConfigError, EngineError, EngineUnavailableError } from "@fae/core";
import { interrupted } from "@fae/trainer";

const execute = promisify(execFile);

/** A Python that can import torch. */
export interface Python {
  readonly path: string;
  readonly version: string;
  readonly torch: string;
  readonly hasGpu: boolean;
}

const question =
  "import json, sys, torch; print(json.dumps([sys.version.split()[0], torch.__version__, torch.cuda.is_available()]))";

type Answer = { readonly python: Python } | { readonly python: null; readonly why: string };

async function ask(path: string): Promise<Answer> {
  try {
    const { stdout } = await execute(path, ["-c", question], { timeout: 120_000 });
    const [version, torch, hasGpu] = JSON.parse(stdout) as [string, string, boolean];
    return { python: { path, version, torch, hasGpu } };
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code === "ENOENT") return { python: null, why: "there is no such program" };
    const last = stderr?.trim().split("\n").pop();
    return { python: null, why: last || (error as Error).message };
  }
}

/** Executables of that name in PATH, in its order. */
export function onPath(name: string, path: string): string[] {
  return path
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name))
    .filter((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/**
 * The Python that was named, or the first on PATH that has torch.
 * @throws ConfigError when the named one is missing or has no torch, EngineUnavailableError when none on PATH has it.
 */
export async function findPython(named: string | undefined, path: string): Promise<Python> {
  if (named !== undefined) {
    const answer = await ask(named);
    if (answer.python) return answer.python;
    throw new ConfigError(`Python '${named}' cannot be used: ${answer.why}.`, {
      fix: "Give --python a Python 3 in which `import torch` works.",
      details: { option: "python", found: named, why: answer.why },
    });
  }
  const tried = [...new Set([...onPath("python3", path), ...onPath("python", path)])];
  for (const candidate of tried) {
    const { python } = await ask(candidate);
    if (python) return python;
  }
  const found = tried.length === 0 ? "there is no python3" : `tried ${tried.join(", ")}`;
  throw new EngineUnavailableError(`No Python on PATH has torch: ${found}.`, {
    fix: "Install PyTorch (Debian: apt install python3-torch), or name a Python that has it with --python.",
    details: { tried },
  });
}

/**
 * Runs a script and reads the JSON object that it prints last.
 * @throws EngineError with the script's own last line, FaeError ERR_INTERRUPTED.
 */
export async function runPython(
  python: Python,
  script: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<unknown> {
  try {
    // -B: nothing is written beside the script, which may lie where nobody may write.
    const { stdout } = await execute(python.path, ["-B", script, ...args], { maxBuffer: 2 ** 28, signal });
    return JSON.parse(stdout.trim().split("\n").pop() ?? "");
  } catch (error) {
    if (signal.aborted) throw interrupted("The peer's run");
    const last = (error as { stderr?: string }).stderr?.trim().split("\n").pop();
    throw new EngineError(`The PyTorch peer failed: ${last || (error as Error).message}.`, {
      fix: `Run it by hand to see more: ${python.path} ${script} ${args.join(" ")}`,
      details: { script, args },
      cause: error,
    });
  }
}
