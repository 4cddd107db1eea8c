// Dense parameters: g = sum of the parts that the weight-gradient kernels left (splits of the batch), then one optimizer step.
// A block of 256 threads takes a piece of at most 1024 values: with few parts a thread adds its four values over all parts; with
// many parts (bias and last-layer gradients, small and cut finely) 16 groups of threads share the parts and a fixed tree joins
// them. Fixed order: deterministic. Bytes: parts x P read, weights and state read and written once.
#include "ops/dense_update.h"

#include "ops/device_math.cuh"
#include "rows/optimizer.cuh"
#include "support/check.h"
#include "support/launch.h"

namespace fae::cuda {

namespace {

constexpr uint32_t many_parts = 24, groups = 16, narrow = 64;

template <OptimizerName O>
__global__ void __launch_bounds__(256) update_kernel(const DenseUpdate u, float epsilon, double beta1, double beta2) {
  __shared__ float4 sums[groups][narrow / 4];
  wait_for_previous();
  const DensePiece piece = u.pieces[blockIdx.x];
  const uint32_t thread = threadIdx.x;
  if (blockIdx.x == 0 && thread == 0 && u.step->cursor > 0) {
    u.arrays.stamps[static_cast<uint64_t>(u.step->cursor - 1) * stamp_count + 2] = nanoseconds();
  }
  uint32_t chunk = thread;
  float4 g = zero4();
  if (piece.parts <= many_parts) {
    if (4 * chunk >= piece.count) return;
#pragma unroll 8
    for (uint32_t p = 0; p < piece.parts; p++) g = g + load4(piece.gradient + p * piece.stride + 4 * chunk);
  } else {
    chunk = thread % (narrow / 4);
    const uint32_t group = thread / (narrow / 4);
    if (4 * chunk < piece.count) {
#pragma unroll 8
      for (uint32_t p = group; p < piece.parts; p += groups) g = g + load4(piece.gradient + p * piece.stride + 4 * chunk);
    }
    sums[group][chunk] = g;
    __syncthreads();
    for (uint32_t step = groups / 2; step > 0; step /= 2) {
      if (group < step) sums[group][chunk] = sums[group][chunk] + sums[group + step][chunk];
      __syncthreads();
    }
    if (group != 0 || 4 * chunk >= piece.count) return;
    g = sums[0][chunk];
  }
  const uint32_t at = piece.at + 4 * chunk;
  if (u.gradients) {
    store4(u.gradients + at, g);
    return;
  }
  const StepRecord& now = u.step->now;
  const StepRates rates = step_rates<O>(now.learning_rate, now.step, epsilon, beta1, beta2);
  float4 s = zero4(), t = zero4();
  if constexpr (O != OptimizerName::sgd) s = load4(u.state[0] + at);
  if constexpr (O == OptimizerName::adam) t = load4(u.state[1] + at);
  const float4 w = update_values<O>(load4(u.weights + at), g, s, t, rates, 1.f);
  if constexpr (O != OptimizerName::sgd) store4(u.state[0] + at, s);
  if constexpr (O == OptimizerName::adam) store4(u.state[1] + at, t);
  store4(u.weights + at, w);
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------------

void add_pieces(std::vector<DensePiece>& pieces, const float* gradient, int64_t stride, uint32_t parts, uint32_t at, uint32_t count) {
  const uint32_t step = parts <= many_parts ? DensePiece::most : narrow;
  for (uint32_t first = 0; first < count; first += step) {
    pieces.push_back({gradient + first, stride, at + first, count - first < step ? count - first : step, parts});
  }
}

void dense_update(const DenseUpdate& u, const OptimizerSettings& o, cudaStream_t stream) {
  if (u.count == 0) return;
  switch (o.name) {
    case OptimizerName::sgd: launch_overlapping(update_kernel<OptimizerName::sgd>, u.count, 256, 0, stream, u, o.epsilon, o.beta1, o.beta2); break;
    // Row-wise Adagrad treats dense parameters as plain Adagrad.
    case OptimizerName::adagrad:
    case OptimizerName::rowwise_adagrad: launch_overlapping(update_kernel<OptimizerName::adagrad>, u.count, 256, 0, stream, u, o.epsilon, o.beta1, o.beta2); break;
    case OptimizerName::adam: launch_overlapping(update_kernel<OptimizerName::adam>, u.count, 256, 0, stream, u, o.epsilon, o.beta1, o.beta2); break;
  }
  check_launch("dense_update");
}

}  // namespace fae::cuda
