#include "step/graph.h"

#include <utility>

#include "support/check.h"

namespace fae::cuda {

Graph::Graph(Lanes& lanes, const std::function<void()>& record) {
  FAE_CUDA(cudaStreamBeginCapture(lanes.main(), cudaStreamCaptureModeThreadLocal));
  cudaGraph_t graph = nullptr;
  try {
    record();
  } catch (...) {
    cudaStreamEndCapture(lanes.main(), &graph);
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();
    throw;
  }
  FAE_CUDA(cudaStreamEndCapture(lanes.main(), &graph));
  const cudaError_t status = cudaGraphInstantiate(&executable_, graph, cudaGraphInstantiateFlagUseNodePriority);
  cudaGraphDestroy(graph);
  check(status, "cudaGraphInstantiate");
  FAE_CUDA(cudaGraphUpload(executable_, lanes.main()));
}

Graph::~Graph() {
  if (executable_) cudaGraphExecDestroy(executable_);
}

void Graph::launch(cudaStream_t stream) const { FAE_CUDA(cudaGraphLaunch(executable_, stream)); }

}  // namespace fae::cuda
