import { fileURLToPath } from "node:url";

/** Path of a PyTorch script or C program that is shipped beside this package's code; the same from source and when built. */
export const referenceScript = (name: string): string =>
  fileURLToPath(new URL(`../reference/${name}`, import.meta.url));
