// A CUDA runtime without a GPU, for checks of what the engine does when CUDA fails: device memory is host memory, copies happen at
// once, kernels and graphs do nothing. Every call that can fail is numbered and can be made to fail.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string>

namespace fake {

struct Fault {
  uint64_t at = 0;  // the call that fails, counted from 1; 0: none
  cudaError_t error = cudaErrorLaunchFailure;
  // The context is lost: every later call fails in the same way, as after a kernel that trapped.
  bool sticky = true;
};

struct Alive {
  int64_t device = 0, pinned = 0, streams = 0, events = 0, graphs = 0;
  int64_t total() const { return device + pinned + streams + events + graphs; }
  std::string text() const;
};

// A new process: calls counted from 1, no error pending.
void reset(const Fault& fault);
uint64_t calls();
// The name of the function that failed; "" when the fault was not reached.
std::string failed_call();
Alive alive();
// What cudaMemGetInfo answers.
void set_free_memory(uint64_t bytes);
void set_versions(int driver, int runtime);

}  // namespace fake
