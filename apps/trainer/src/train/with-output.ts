import { lockPath } from "@fae/core";

/**
 * Does work that makes a file or directory, as the only process that makes one of that name: another one is refused before it
 * works, not when it is done.
 * @throws ConfigError naming the process that makes it
 */
export async function withOutput<A>(path: string, work: () => Promise<A>): Promise<A> {
  const taken = await lockPath(path);
  try {
    return await work();
  } finally {
    taken.release();
  }
}
