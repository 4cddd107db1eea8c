// A recorded step: captured once from the lanes, launched once per batch without being changed.
#pragma once

#include <cuda_runtime.h>

#include <functional>

#include "step/lanes.h"
#include "support/handles.h"

namespace fae::cuda {

class Graph {
 public:
  Graph() = default;
  // `record` starts on the main lane; every lane it uses must have joined the main lane at its end.
  Graph(Lanes& lanes, const std::function<void()>& record);
  void launch(cudaStream_t stream) const;

 private:
  GraphExecutable executable_;
};

}  // namespace fae::cuda
