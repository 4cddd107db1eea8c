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

// Whether this device has thread block clusters.
bool has_clusters();

// `cluster` neighbouring blocks along z form a cluster; 1: none.
template <class... Parameters, class... Arguments>
void launch_cluster(void (*kernel)(Parameters...), dim3 grid, unsigned cluster, unsigned threads, size_t shared_bytes, cudaStream_t stream, Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  cudaLaunchAttribute attributes[2]{};
  config.attrs = attributes;
  if (overlaps_launches() && grid.x * grid.y * grid.z <= most_overlapping_blocks) {
    attributes[config.numAttrs].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[config.numAttrs++].val.programmaticStreamSerializationAllowed = 1;
  }
  if (cluster > 1) {
    attributes[config.numAttrs].id = cudaLaunchAttributeClusterDimension;
    attributes[config.numAttrs].val.clusterDim.x = 1;
    attributes[config.numAttrs].val.clusterDim.y = 1;
    attributes[config.numAttrs++].val.clusterDim.z = cluster;
  }
  FAE_CUDA(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...));
}

template <class... Parameters, class... Arguments>
void launch_overlapping(void (*kernel)(Parameters...), dim3 grid, unsigned threads, size_t shared_bytes, cudaStream_t stream, Arguments&&... arguments) {
  launch_cluster(kernel, grid, 1, threads, shared_bytes, stream, arguments...);
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
