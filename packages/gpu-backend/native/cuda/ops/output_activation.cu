// Activations outside a matrix product: y = act(y) and g *= act'(y), element by element, 16 bytes per thread.
#include "ops/device_math.cuh"
#include "ops/small_ops.h"
#include "support/check.h"
#include "support/launch.h"

namespace fae::cuda {

namespace {

__global__ void backward_kernel(float* g, const float* y, uint64_t chunks, bool relu) {
  wait_for_previous();
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= chunks) return;
  const float4 value = load4(y + 4 * e), d = load4(g + 4 * e);
  store4(g + 4 * e, relu ? where_positive(value, d)
                         : make_float4(d.x * value.x * (1 - value.x), d.y * value.y * (1 - value.y), d.z * value.z * (1 - value.z),
                                       d.w * value.w * (1 - value.w)));
}

__global__ void forward_kernel(float* y, uint64_t count, uint32_t columns, uint32_t ld, bool relu) {
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= count) return;
  const float x = y[e];
  y[e] = e % ld >= columns ? 0.f : relu ? fmaxf(x, 0.f) : 1.f / (1.f + expf(-x));
}

}  // namespace

void activation_backward(float* g, const float* y, uint64_t elements, OutputActivation activation, cudaStream_t stream) {
  if (activation == OutputActivation::none) return;
  launch_overlapping(backward_kernel, ceil_div(elements / 4, 256), 256, 0, stream, g, y, elements / 4, activation == OutputActivation::relu);
  check_launch("activation_backward");
}

void activation_forward(float* y, uint32_t rows, uint32_t columns, uint32_t ld, OutputActivation activation, cudaStream_t stream) {
  if (activation == OutputActivation::none) return;
  const uint64_t count = static_cast<uint64_t>(rows) * ld;
  forward_kernel<<<ceil_div(count, 256), 256, 0, stream>>>(y, count, columns, ld, activation == OutputActivation::relu);
  check_launch("activation_forward");
}

}  // namespace fae::cuda
