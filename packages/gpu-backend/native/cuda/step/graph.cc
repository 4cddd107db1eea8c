#include "step/graph.h"

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
  const GraphTemplate recorded(graph);
  cudaGraphExec_t executable = nullptr;
  FAE_CUDA(cudaGraphInstantiate(&executable, graph, cudaGraphInstantiateFlagUseNodePriority));
  executable_ = GraphExecutable(executable);
  FAE_CUDA(cudaGraphUpload(executable_, lanes.main()));
}

void Graph::launch(cudaStream_t stream) const { FAE_CUDA(cudaGraphLaunch(executable_, stream)); }

}  // namespace fae::cuda
