// One murmur-mixed counter per value, scaled to about +-0.5.
#include "step/fill.h"
#include "support/check.h"

namespace fae::cuda {

namespace {
__global__ void fill_kernel(float* values, uint64_t count) {
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= count) return;
  uint32_t h = static_cast<uint32_t>(e) * 0x9e3779b1u;
  h = (h ^ (h >> 16)) * 0x85ebca6bu;
  h = (h ^ (h >> 13)) * 0xc2b2ae35u;
  values[e] = static_cast<float>(h ^ (h >> 16)) * 0x1p-32f - 0.5f;
}
}  // namespace

void fill_random(float* values, uint64_t count, cudaStream_t stream) {
  if (count == 0) return;
  fill_kernel<<<ceil_div(count, 256), 256, 0, stream>>>(values, count);
  check_launch("fill_random");
}

}  // namespace fae::cuda
