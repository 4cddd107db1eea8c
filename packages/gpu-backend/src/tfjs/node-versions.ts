/**
 * What is known of TensorFlow.js's native packages, version 4.22.0 and the newest there is, on a version of Node: their
 * addons are prebuilt for some versions only, and they call a function that Node 23 removed.
 * @param version e.g. `22.21.0`
 * @returns one sentence, with the way to go on where something is missing
 */
export function nodeSupport(backend: "node" | "node-gpu", version: string): string {
  const major = Number(version.split(".")[0]);
  const cause = `tfjs-node 4.22.0 on Node ${major}`;
  if (major >= 23)
    return (
      `${cause} breaks at its first operation: Node 23 removed util.isNullOrUndefined. FAE puts the function back before ` +
      "it loads the package; where that is not enough, use Node 20, or tfjs:wasm or tfjs:webgpu, which need no addon."
    );
  if (major >= 21 && backend === "node-gpu")
    return `${cause}: there is no prebuilt GPU addon, npm compiles it (python3, make, g++); Node 20 has a prebuilt one.`;
  return `${cause} works: its addon is prebuilt.`;
}

/** What the GPU package needs of CUDA, and what to do on a GPU that is newer than that. */
export const gpuSupport =
  "CUDA 11.2 and cuDNN 8.1 on the library path. These are older than Hopper (H100, H200), whose kernels start slowly by " +
  "just-in-time compilation: use engine cuda, or tfjs:webgpu, there.";
