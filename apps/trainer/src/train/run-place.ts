import { lstatSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { DataError, lockPath, type PathLock, processTag } from "@fae/core";
import { type StagedDirectory, stageDirectory } from "./run-directory.js";

/** The directory of a run: first beside its name, later under it. */
export interface RunPlace {
  /** @throws DataError when it was shown and is another one or gone */
  path(): string;
  /**
   * Shows the directory under its name, or under another one if that was taken meanwhile.
   * @param write what is written before, given the directory and the name that it will have
   */
  show<A>(write?: (directory: string, name: string) => Promise<A>): Promise<A>;
  /** If it was shown and is another one or gone now: begins a new one, which `show` gives another name. @returns whether it did */
  renew(): boolean;
  /** Removes what was never shown. */
  discard(): void;
}

/** @throws ConfigError when there is something of that name */
export function newPlace(run: string, log: (line: string) => void): RunPlace {
  return runPlace(run, stageDirectory(run), log);
}

/** A directory that is there under its name. */
export function shownPlace(run: string, log: (line: string) => void): RunPlace {
  return runPlace(run, null, log);
}

function runPlace(run: string, first: StagedDirectory | null, log: (line: string) => void): RunPlace {
  let staged = first;
  let name = run;
  let lock: PathLock | null = null;
  /** Of the directory that the run has. */
  let own = identityOf(staged?.path ?? run);
  const keptName = `${resolve(run)}.kept-${processTag()}`;

  const isSame = (): boolean => own !== null && identityOf(staged?.path ?? name) === own;
  const path = (): string => {
    if (isSame()) return staged?.path ?? name;
    throw new DataError(`The directory of run ${name} was renamed, removed or replaced while it was trained.`, {
      fix: "Give it its name back and resume the run, or resume it where it is now: 'fae train --resume'.",
      details: { path: name },
    });
  };
  const keep = async (): Promise<void> => {
    name = keptName;
    lock = await lockPath(name, `Run ${name}`);
    log(`${run} was made by somebody else meanwhile: the run is kept as ${name}`);
  };

  return {
    path,
    async show<A>(write: (directory: string, name: string) => Promise<A> = async () => undefined as A): Promise<A> {
      if (staged === null) return write(path(), name);
      if (name === run && isTaken(run)) await keep();
      const made = await write(path(), name);
      try {
        staged.commit(name);
      } catch (error) {
        if (name !== run || !isTaken(run)) throw error;
        return this.show(write); // made between the look and the renaming
      }
      staged = null;
      return made;
    },
    renew() {
      if (isSame()) return false;
      log(`the directory of run ${name} was renamed, removed or replaced: what is left to write goes to a new one`);
      staged = stageDirectory(keptName);
      own = identityOf(staged.path);
      return true;
    },
    discard() {
      staged?.discard();
      lock?.release();
    },
  };
}

const isTaken = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** Tells a directory from another one under its name, through links; null when there is none. */
function identityOf(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() ? `${found.dev} ${found.ino}` : null;
}
