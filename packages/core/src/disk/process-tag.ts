import { readFileSync } from "node:fs";

/**
 * A process of this machine as a word for file names: `<number>-<start>`. Numbers are given again, and in containers every
 * process may be number 1; number and start together are not. Where the system does not tell starts, 0 stands for one.
 */
export const processTag = (): string => `${process.pid}-${own}`;

/** When a process began, in clock ticks after the machine; null when there is none of that number, 0 when it is not told. */
function startOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command in brackets may hold spaces and brackets: fields are counted behind its end. `start` is the 22nd of all.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended; only its parent has not asked yet how.
    return fields[0] === "Z" ? null : Number(fields[19]);
  } catch {
    return process.platform === "linux" ? null : 0;
  }
}

const own = startOf(process.pid) ?? 0;

/** Whether the process of a tag is another one and still runs. Of a tag without a start only the number is looked at. */
export function isOtherAlive(tag: string): boolean {
  const [pid, start = 0] = tag.split("-").map(Number);
  if (pid === process.pid && (start === 0 || own === 0 || start === own)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const found = startOf(pid);
  return found !== null && (start === 0 || found === 0 || found === start);
}

/** The tag at a place in a file name, for regular expressions. */
export const tagPattern = "\\d+(?:-\\d+)?";
