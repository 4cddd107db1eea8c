import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ConfigError } from "@fae/core";
import { refuseExisting, syncPath, writeJson } from "../train/run-directory.js";

/** How far one split is: chunks `[0, hotInputs.length)` are written and durable. */
export interface SplitProgress {
  readonly hotInputs: readonly number[];
  readonly hotPositives: readonly number[];
}

/** The directory in which a pack grows: `<out>.partial`, with its records in `work/`. */
export interface PackWork {
  readonly root: string;
  /** What an earlier, interrupted call has done of a split. */
  done(split: string): SplitProgress;
  /** Keeps how far a split is. The files must be durable before. */
  record(split: string, progress: SplitProgress): Promise<void>;
  /** Makes the finished pack visible under its name. */
  publish(): void;
  discard(): void;
}

/**
 * @param plan what the bytes depend on: an interrupted pack goes on only under the same plan
 * @throws ConfigError when the pack exists or an interrupted one was made from something else
 */
export async function openPackWork(out: string, plan: object): Promise<PackWork> {
  const final = resolve(out);
  refuseExisting(final);
  const root = `${final}.partial`;
  const work = join(root, "work");
  mkdirSync(work, { recursive: true });
  const planPath = join(work, "plan.json");
  const key = createHash("sha256").update(JSON.stringify(plan)).digest("hex");
  const found = readIfThere<{ key: string }>(planPath);
  if (found === null) await writeJson(planPath, { key });
  else if (found.key !== key) {
    throw new ConfigError(`'${root}' holds an interrupted pack of other data or another profile.`, {
      fix: "Delete it to start anew, or repeat the call that began it.",
      details: { path: root },
    });
  }
  return {
    root,
    done: (split) => readIfThere<SplitProgress>(join(work, `${split}.json`)) ?? { hotInputs: [], hotPositives: [] },
    async record(split, progress) {
      const path = join(work, `${split}.json`);
      await writeJson(`${path}.tmp`, progress);
      renameSync(`${path}.tmp`, path);
    },
    publish() {
      rmSync(work, { recursive: true });
      syncPath(root);
      renameSync(root, final);
      syncPath(dirname(final));
    },
    discard: () => rmSync(root, { recursive: true, force: true }),
  };
}

function readIfThere<T>(path: string): T | null {
  if (!existsSync(path)) return null;
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return null; // cut off by a crash before its rename's file was durable: that work is done again
  }
}
