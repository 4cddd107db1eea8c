// Copies `count` flat elements of every outer index between two padded values: concat copies each input to its place, slice
// copies a range of steps; their gradients go the other way. One thread per element written.
#include "ops/small_ops.h"
#include "support/check.h"
#include "support/launch.h"

namespace fae::cuda {

namespace {

__device__ __forceinline__ float* element(const BlockView& v, uint64_t outer, uint32_t flat) {
  return v.data + (outer * v.vectors + flat / v.last) * v.ld + flat % v.last;
}

__global__ void block_copy_kernel(const BlockView to, const BlockView from, uint32_t outers, uint32_t count, BlockMode mode) {
  wait_for_previous();
  const uint32_t per_outer = mode == BlockMode::copy_rest0 ? to.vectors * to.last : count;
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= static_cast<uint64_t>(outers) * per_outer) return;
  const uint64_t outer = e / per_outer;
  const uint32_t i = static_cast<uint32_t>(e % per_outer);
  if (mode == BlockMode::copy_rest0) {
    const bool inside = i >= to.first && i < to.first + count;
    *element(to, outer, i) = inside ? *element(from, outer, from.first + i - to.first) : 0.f;
    return;
  }
  float* target = element(to, outer, to.first + i);
  const float value = *element(from, outer, from.first + i);
  *target = mode == BlockMode::add ? *target + value : value;
}

}  // namespace

void block_copy(const BlockView& to, const BlockView& from, uint32_t outers, uint32_t count, BlockMode mode, cudaStream_t stream) {
  const uint64_t threads = static_cast<uint64_t>(outers) * (mode == BlockMode::copy_rest0 ? to.vectors * to.last : count);
  launch_overlapping(block_copy_kernel, ceil_div(threads, 256), 256, 0, stream, to, from, outers, count, mode);
  check_launch("block_copy");
}

}  // namespace fae::cuda
