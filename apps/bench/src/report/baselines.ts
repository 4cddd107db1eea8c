/** What every report says about the systems that are compared, paragraph by paragraph. */
export const baselineNotes: readonly string[] = [
  "Published values are from the paper's abstract and slides: other machines, other software, averages over its data sets. They are drawn dashed beside ours; no ratio is formed between the two.",
  "XDL, the paper's first baseline, no longer builds on current systems, so that it is not measured. Our strategy xdl-parameter-server stands in for it. In common: rows and dense parameters are spread by hash over servers with a thread each; a worker pulls the distinct rows of its batch and the dense parameters, pushes their gradients, and the servers apply the updates, synchronously by default. Not in common: XDL's graph runtime and operators, and calls between processes over a network; our servers are threads of one process, so that a pull costs a copy in memory and no more.",
  "dlrm-hybrid is our own hybrid training in the manner of open-source DLRM, made as fast as we could: threads gather and update rows, one copy carries them each way. Scenario `peers` runs PyTorch's own code beside our engine.",
  "device-only is the ceiling: every table in device memory, where that is large enough.",
];
