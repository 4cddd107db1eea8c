// For tests of what happens when a kernel fails in the middle of a run: FAE_CUDA_TRAP_AT_STEP=n makes the kernel of a session's n-th
// training step trap, as a wild write would.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace fae::cuda {

// The step to fail at, from the environment; 0: none. Throws FAE_CONFIG when it is no number.
uint64_t trap_step();
// Starts a kernel that traps: the next wait for `stream` fails, and so does everything after it.
void trap_kernel(cudaStream_t stream);

}  // namespace fae::cuda
