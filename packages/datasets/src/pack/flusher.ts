import { open } from "node:fs/promises";

/**
 * Starts to bring files to the disk while work on others goes on, one after the other, so that little is left when the data set
 * is published. Nothing relies on it: what makes the data set durable is `publish`.
 */
export interface Flusher {
  begin(path: string): void;
  /** When all that was begun is on the disk. Rejects with the first failure. */
  end(): Promise<void>;
}

export function newFlusher(): Flusher {
  let last: Promise<void> = Promise.resolve();
  const waiting = new Set<string>();
  return {
    begin(path) {
      if (waiting.has(path)) return;
      waiting.add(path);
      last = last.then(() => {
        waiting.delete(path);
        return flush(path);
      });
      // Told by `end`.
      last.catch(() => {});
    },
    end: () => last,
  };
}

async function flush(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}
