import { readFileSync } from "node:fs";

/** Open files that loading a command takes: its modules are read at once. */
const neededFiles = 128;

/**
 * Most files that this process may have open at once (`ulimit -n`), or null where the system does not say.
 * @param limits text of Linux's /proc/self/limits
 */
export function openFilesLimit(limits: string): number | null {
  const found = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return found === undefined ? null : Number(found);
}

/**
 * Loads a command and runs it. Where the process may open too few files even to load its modules, it prints one line that
 * says so and sets exit code 1.
 * @param load imports the command's modules, and returns what runs it
 */
export async function startCommand(load: () => Promise<() => Promise<void>>): Promise<void> {
  // Read before anything is open: when loading has failed, no file may be left to read it with.
  const limit = openFilesLimit(limitsText());
  let run: () => Promise<void>;
  try {
    run = await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EMFILE") throw error;
    const allowed = limit === null ? "too few" : `only ${limit}`;
    process.stderr.write(
      `error: This process may open ${allowed} files at once, and needs about ${neededFiles} to start. Raise the limit: ulimit -n 1024.\n`,
    );
    process.exitCode = 1;
    return;
  }
  await run();
}

function limitsText(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return "";
  }
}
