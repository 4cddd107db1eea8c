// Loss: mean binary cross entropy of sigmoid(z) over the real inputs, each log term at least -100; dL/dz = (sigmoid(z) - y) / n.
//
// Fused head: a warp per input computes z = h . w + b with w in registers, then the loss, dz, dh = dz w (masked by the ReLU that
// made h) and its share of dw = sum dz h, db = sum dz. Blocks own fixed ranges of inputs and join warps in a fixed tree; the
// last block to finish adds the blocks' losses in block order, stores the step's mean and moves the cursor on: deterministic.
// Bytes: h read once, dh written once.
#include "ops/device_math.cuh"
#include "ops/loss.h"
#include "support/check.h"
#include "support/launch.h"

namespace fae::cuda {

namespace {

constexpr int threads = 256, warps = threads / 32;

struct Term {
  float score, loss, gradient;  // gradient without 1 / n
};

__device__ __forceinline__ Term term_of(float z, float y) {
  const float t = expf(-fabsf(z)), one = 1.f + t;
  const float score = z >= 0 ? 1.f / one : t / one;
  const float tail = log1pf(t);
  const float log_score = fmaxf(fminf(z, 0.f) - tail, -100.f), log_rest = fmaxf(fminf(-z, 0.f) - tail, -100.f);
  return {score, -(y * log_score + (1.f - y) * log_rest), score - y};
}

// Joins the block's loss, and in the last block the step's.
__device__ void finish(double loss, const LossBuffers& b) {
  __shared__ double sums[warps];
  __shared__ bool last;
  loss = lanes_sum<32>(loss);
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = loss;
  __syncthreads();
  if (threadIdx.x == 0) {
    double sum = 0;
    for (int w = 0; w < warps; w++) sum += sums[w];
    b.partials[blockIdx.x] = sum;
    __threadfence();
    last = atomicAdd(&b.state->done_blocks, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (!last || threadIdx.x >= 32) return;
  __threadfence();
  double sum = 0;
  for (unsigned i = threadIdx.x; i < gridDim.x; i += 32) sum += reinterpret_cast<volatile double*>(b.partials)[i];
  sum = lanes_sum<32>(sum);
  if (threadIdx.x == 0) {
    const uint32_t cursor = b.state->cursor;
    b.arrays.losses[cursor] = sum / static_cast<double>(b.state->now.inputs);
    b.arrays.stamps[static_cast<uint64_t>(cursor) * stamp_count + 1] = nanoseconds();
    b.state->done_blocks = 0;
    b.state->cursor = cursor + 1;
  }
}

__global__ void __launch_bounds__(threads) loss_kernel(const float* logit, int ld, float* gradient, int batch, const LossBuffers b) {
  const uint32_t inputs = b.state->now.inputs;
  const float inverse = b.state->inverse_inputs;
  double loss = 0;
  for (int i = blockIdx.x * threads + threadIdx.x; i < batch; i += gridDim.x * threads) {
    const Term t = term_of(logit[static_cast<int64_t>(i) * ld], b.label[i]);
    const bool real = i < static_cast<int>(inputs);
    if (real) loss += t.loss;
    if (b.scores) b.scores[i] = t.score;
    if (gradient) gradient[static_cast<int64_t>(i) * ld] = real ? t.gradient * inverse : 0.f;
  }
  finish(loss, b);
}

template <int ITEMS>  // 128 columns each
__global__ void __launch_bounds__(threads) head_kernel(const LossHead h, const LossBuffers b) {
  __shared__ float joined[warps][ITEMS * 128 + 1];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, chunks = h.k_ld / 4;
  wait_for_previous();
  const uint32_t inputs = b.state->now.inputs;
  const float inverse = b.state->inverse_inputs, bias = h.bias ? h.bias[0] : 0.f;
  float4 w[ITEMS], dw[ITEMS];
#pragma unroll
  for (int i = 0; i < ITEMS; i++) {
    w[i] = lane + 32 * i < chunks ? load4(h.w + 4 * (lane + 32 * i)) : zero4();
    dw[i] = zero4();
  }
  float db = 0;
  double loss = 0;
  const int per_block = (h.batch + gridDim.x - 1) / gridDim.x, begin = blockIdx.x * per_block, end = min(h.batch, begin + per_block);
  for (int input = begin + warp; input < end; input += warps) {
    const float* row = h.h + static_cast<int64_t>(input) * h.k_ld;
    float4 x[ITEMS];
    float z = 0;
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
      x[i] = lane + 32 * i < chunks ? load4(row + 4 * (lane + 32 * i)) : zero4();
      z += x[i].x * w[i].x + x[i].y * w[i].y + x[i].z * w[i].z + x[i].w * w[i].w;
    }
    z = lanes_sum<32>(z) + bias;
    const Term t = term_of(z, b.label[input]);
    const bool real = input < static_cast<int>(inputs);
    if (lane == 0) {
      if (real) loss += t.loss;
      if (b.scores) b.scores[input] = t.score;
    }
    if (!h.train) continue;
    const float g = real ? t.gradient * inverse : 0.f;
    db += g;
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
      dw[i] = fma4(g, x[i], dw[i]);
      if (h.dh && lane + 32 * i < chunks) {
        const float4 d = g * w[i];
        store4(h.dh + static_cast<int64_t>(input) * h.k_ld + 4 * (lane + 32 * i), h.relu ? where_positive(x[i], d) : d);
      }
    }
  }
  if (h.train) {
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
      float* to = &joined[warp][4 * (lane + 32 * i)];
      to[0] = dw[i].x;
      to[1] = dw[i].y;
      to[2] = dw[i].z;
      to[3] = dw[i].w;
    }
    if (lane == 0) joined[warp][ITEMS * 128] = db;
    __syncthreads();
    for (int k = threadIdx.x; k <= h.k_ld; k += threads) {
      const int column = k < h.k_ld ? k : ITEMS * 128;
      float sum = 0;
      for (int v = 0; v < warps; v++) sum += joined[v][column];
      if (k < h.k_ld) h.dw[static_cast<int64_t>(blockIdx.x) * h.dw_stride + k] = sum;
      else if (h.db) h.db[static_cast<int64_t>(blockIdx.x) * h.db_stride] = sum;
    }
  }
  finish(loss, b);
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------------

void loss_forward(const float* logit, int ld, float* gradient, int batch, const LossBuffers& buffers, cudaStream_t stream) {
  const unsigned blocks = ceil_div(batch, threads);
  loss_kernel<<<blocks < loss_blocks ? blocks : loss_blocks, threads, 0, stream>>>(logit, ld, gradient, batch, buffers);
  check_launch("loss_forward");
}

// Enough blocks to fill the chip, few enough that their parts of dw are quick to add.
int loss_head_blocks(int batch) {
  const int blocks = static_cast<int>(ceil_div(batch, 16));
  return blocks < 132 ? blocks : 132;
}

void loss_head(const LossHead& head, const LossBuffers& buffers, cudaStream_t stream) {
  const int blocks = loss_head_blocks(head.batch);
  const auto kernel = head.k_ld <= 128 ? head_kernel<1> : head.k_ld <= 256 ? head_kernel<2> : head.k_ld <= 512 ? head_kernel<4> : head_kernel<8>;
  launch_overlapping(kernel, blocks, threads, 0, stream, head, buffers);
  check_launch("loss_head");
}

}  // namespace fae::cuda
