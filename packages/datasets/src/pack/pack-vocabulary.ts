import { bytesOf, openSink, readFully, withFile } from "../prepare/files.js";

/** Puts the keys of a vocabulary into a new order: key of new id i is the old key of `original[i]`. */
export interface PackVocabularyOptions {
  readonly from: string;
  readonly to: string;
  /** File of uint32 `original[id]`. */
  readonly order: string;
  readonly rows: number;
}

const blockRows = 1 << 18;

export function packVocabulary({ from, to, order, rows }: PackVocabularyOptions): void {
  const keys = new Int32Array(rows);
  withFile(from, "r", (file) => readFully(file, bytesOf(keys), 0, from));
  const sink = openSink(to, 0);
  try {
    withFile(order, "r", (file) => {
      const block = new Uint32Array(Math.min(rows, blockRows));
      for (let first = 0; first < rows; first += block.length) {
        const ids = block.subarray(0, Math.min(block.length, rows - first));
        readFully(file, bytesOf(ids), 4 * first, order);
        sink.write(bytesOf(Int32Array.from(ids, (original) => keys[original])));
      }
    });
    sink.close();
  } catch (error) {
    sink.abandon();
    throw error;
  }
}
