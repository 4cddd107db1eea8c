// The two sums of TBSM's attention and their gradients, per input: batch-dot a[r] = sum_k H[r][k] q[k] (a thread per r), weighted
// sum c[k] = sum_r y[r] H[r][k] (a thread per k), outer product dH[r][k] = s[r] v[k]. Sums run in index order in one thread.
// Bytes: H once.
#include "ops/small_ops.h"
#include "support/check.h"
#include "support/launch.h"

namespace fae::cuda {

namespace {

template <bool ADD>
__global__ void batch_dot_kernel(float* a, const float* h, const float* q, const Attention s) {
  wait_for_previous();
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= static_cast<uint64_t>(s.batch) * s.r) return;
  const uint64_t input = e / s.r;
  const float *row = h + e * s.k_ld, *query = q + input * s.k_ld;
  float sum = 0;
  for (uint32_t k = 0; k < s.k; k++) sum = fmaf(row[k], query[k], sum);
  float* to = a + input * s.r_ld + e % s.r;
  *to = ADD ? *to + sum : sum;
}

template <bool ADD>
__global__ void weighted_sum_kernel(float* c, const float* y, const float* h, const Attention s) {
  wait_for_previous();
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= static_cast<uint64_t>(s.batch) * s.k) return;
  const uint64_t input = e / s.k;
  const uint32_t k = static_cast<uint32_t>(e % s.k);
  float sum = 0;
  for (uint32_t r = 0; r < s.r; r++) sum = fmaf(y[input * s.r_ld + r], h[(input * s.r + r) * s.k_ld + k], sum);
  float* to = c + input * s.k_ld + k;
  *to = ADD ? *to + sum : sum;
}

__global__ void outer_product_kernel(float* dh, const float* s_r, const float* v_k, const Attention s, bool add) {
  wait_for_previous();
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= static_cast<uint64_t>(s.batch) * s.r * s.k) return;
  const uint64_t vector = e / s.k, input = vector / s.r;
  const uint32_t k = static_cast<uint32_t>(e % s.k);
  const float value = s_r[input * s.r_ld + vector % s.r] * v_k[input * s.k_ld + k];
  float* to = dh + vector * s.k_ld + k;
  *to = add ? *to + value : value;
}

unsigned blocks(uint64_t threads) { return ceil_div(threads, 256); }

}  // namespace

void batch_dot(float* a, const float* h, const float* q, const Attention& s, cudaStream_t stream) {
  launch_overlapping(batch_dot_kernel<false>, blocks(static_cast<uint64_t>(s.batch) * s.r), 256, 0, stream, a, h, q, s);
  check_launch("batch_dot");
}

void batch_dot_add(float* a, const float* h, const float* q, const Attention& s, cudaStream_t stream) {
  launch_overlapping(batch_dot_kernel<true>, blocks(static_cast<uint64_t>(s.batch) * s.r), 256, 0, stream, a, h, q, s);
  check_launch("batch_dot_add");
}

void weighted_sum(float* c, const float* y, const float* h, const Attention& s, cudaStream_t stream) {
  launch_overlapping(weighted_sum_kernel<false>, blocks(static_cast<uint64_t>(s.batch) * s.k), 256, 0, stream, c, y, h, s);
  check_launch("weighted_sum");
}

void weighted_sum_add(float* c, const float* y, const float* h, const Attention& s, cudaStream_t stream) {
  launch_overlapping(weighted_sum_kernel<true>, blocks(static_cast<uint64_t>(s.batch) * s.k), 256, 0, stream, c, y, h, s);
  check_launch("weighted_sum_add");
}

void outer_product(float* dh, const float* s_r, const float* v_k, const Attention& s, bool add, cudaStream_t stream) {
  launch_overlapping(outer_product_kernel, blocks(static_cast<uint64_t>(s.batch) * s.r * s.k), 256, 0, stream, dh, s_r, v_k, s, add);
  check_launch("outer_product");
}

}  // namespace fae::cuda
