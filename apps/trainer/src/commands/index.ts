import type { CommandEntry } from "../cli/command.js";

/** Every command of `fae`, in the order of `fae --help`. */
export const commands: readonly CommandEntry[] = [];
