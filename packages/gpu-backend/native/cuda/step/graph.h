// A recorded step: captured once from the lanes, launched once per batch without being changed.
#pragma once

#include <cuda_runtime.h>

#include <functional>

#include "step/lanes.h"

namespace fae::cuda {

class Graph {
 public:
  Graph() = default;
  // `record` starts on the main lane; every lane it uses must have joined the main lane at its end.
  Graph(Lanes& lanes, const std::function<void()>& record);
  ~Graph();
  Graph(Graph&& other) noexcept : executable_(other.executable_) { other.executable_ = nullptr; }
  Graph& operator=(Graph&& other) noexcept {
    std::swap(executable_, other.executable_);
    return *this;
  }
  void launch(cudaStream_t stream) const;

 private:
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace fae::cuda
