// Starts a kernel so that its blocks may be scheduled while the kernel before it on the same stream drains (programmatic
// dependent launch, Hopper and newer). Such a kernel must call `wait_for_previous` before it touches memory; the wait ends when the
// kernel before it is complete and its writes are visible, so nothing else changes. Only for grids of few blocks: waiting blocks of
// a large one take room from the kernels of other lanes. FAE_CUDA_OVERLAP=off launches plainly.
#pragma once

#include <cuda_runtime.h>

#include "support/check.h"

namespace fae::cuda {

// Whether this device and the environment allow it; asked once.
bool overlaps_launches();
constexpr unsigned most_overlapping_blocks = 1024;

template <class... Parameters, class... Arguments>
void launch_overlapping(void (*kernel)(Parameters...), dim3 grid, unsigned threads, size_t shared_bytes, cudaStream_t stream, Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  config.attrs = &attribute;
  config.numAttrs = overlaps_launches() && grid.x * grid.y * grid.z <= most_overlapping_blocks ? 1 : 0;
  FAE_CUDA(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...));
}

#ifdef __CUDACC__
__device__ __forceinline__ void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
#endif

}  // namespace fae::cuda
