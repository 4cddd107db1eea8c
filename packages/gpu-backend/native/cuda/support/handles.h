// CUDA objects that end with their owner, also when a constructor is left in the middle.
#pragma once

#include <cuda_runtime.h>

#include <utility>

#include "support/check.h"

namespace fae::cuda {

template <class T, cudaError_t (*destroy)(T)>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T held) : held_(held) {}
  Handle(Handle&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~Handle() {
    if (held_) destroy(held_);
  }
  operator T() const { return held_; }

 private:
  T held_ = nullptr;
};

using Event = Handle<cudaEvent_t, cudaEventDestroy>;
using Stream = Handle<cudaStream_t, cudaStreamDestroy>;
using GraphTemplate = Handle<cudaGraph_t, cudaGraphDestroy>;
using GraphExecutable = Handle<cudaGraphExec_t, cudaGraphExecDestroy>;

inline Event timed_event() {
  cudaEvent_t event = nullptr;
  FAE_CUDA(cudaEventCreate(&event));
  return Event(event);
}

// Orders work without being timed.
inline Event plain_event() {
  cudaEvent_t event = nullptr;
  FAE_CUDA(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  return Event(event);
}

inline Stream new_stream(int priority = 0) {
  cudaStream_t stream = nullptr;
  FAE_CUDA(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, priority));
  return Stream(stream);
}

}  // namespace fae::cuda
