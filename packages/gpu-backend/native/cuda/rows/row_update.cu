// Row update: for every distinct row of the batch, g = sum of its pooled-row gradients over its occurrences in input order, then
// one optimizer step on the row. keys/occurrences come sorted by row, stable, so a row's occurrences are one run, in order.
//
// Scheme: runs are cut in chunks of 32 occurrences *counted from the start of the run*. A group of lanes (one per 4 columns)
// sums a chunk in order. A run of one chunk is updated at once; a longer one leaves partial sums, is listed, and a second
// kernel gives a block to each listed run: groups sum partials g, g + G, ... and a fixed tree joins them. So the most popular
// row, hit by a quarter of all inputs, costs two short kernels, and the shape of every sum depends only on the run's length:
// the result is the same on every run and wherever the run lies among the keys (device, hot and mixed routes agree bit by bit).
// Bytes: keys and occurrences once, gradients once, each distinct row read and written once with its state.
#include "rows/row_update.h"

#include "ops/device_math.cuh"
#include "random.h"
#include "rows/optimizer.cuh"
#include "status.h"
#include "support/check.h"
#include "support/launch.h"

namespace fae::cuda {

namespace {

constexpr uint32_t tile = 256, chunk = 32;
// Of a head: it begins a run, or a stretch of no_row (which ends the chunk before it).
constexpr uint32_t start_bit = 0x80000000u, nothing_bit = 0x40000000u, place_mask = nothing_bit - 1;

// Warp-wide: the first position of the run of `key` that `at` (keys[at] == key) lies in.
__device__ uint32_t run_begin(const uint32_t* keys, uint32_t at, uint32_t key, uint32_t lane) {
  const bool same = at > lane && keys[at - 1 - lane] == key;
  const unsigned near = __ballot_sync(0xffffffffu, same);
  if (near != 0xffffffffu) return at - (__ffs(~near) - 1);
  uint32_t low = 0, high = at - 32;
  while (low < high) {
    const uint32_t span = (high - low + 31) / 32, p = low + lane * span;
    const unsigned inside = __ballot_sync(0xffffffffu, p >= high || keys[p] == key);
    const uint32_t first = inside ? __ffs(inside) - 1 : 32;
    if (first == 0) return low;
    high = min(high, low + first * span);
    low = low + (first - 1) * span + 1;
  }
  return high;
}

// Warp-wide: the first position behind the run of `key` that starts at or before `at`.
__device__ uint32_t run_end(const uint32_t* keys, uint32_t count, uint32_t at, uint32_t key, uint32_t lane) {
  uint32_t low = at, high = count;  // the answer lies in (low, high]
  while (low + 1 < high) {
    const uint32_t span = (high - low - 1 + 31) / 32, p = low + 1 + lane * span;
    const unsigned outside = __ballot_sync(0xffffffffu, p >= high || keys[p] != key);
    const uint32_t first = outside ? __ffs(outside) - 1 : 32;
    if (first == 0) return low + 1;
    high = min(high, low + 1 + first * span);
    low = low + 1 + (first - 1) * span;
  }
  return high;
}

// bf16 rows: the 16 low bits decide at random, in proportion, so that small steps are not lost.
__device__ __forceinline__ void store_row4(float* p, float4 v, uint32_t, uint32_t, uint32_t, uint32_t) { store4(p, v); }
__device__ __forceinline__ void store_row4(__nv_bfloat16* p, float4 v, uint32_t row, uint32_t column, uint32_t step, uint32_t seed) {
  const Words4 draw = philox(row, column, step, 0, seed, stream_rounding);
  const auto round = [](float x, uint32_t random) {
    const uint32_t bits = __float_as_uint(x);
    return isfinite(x) ? (bits + (random & 0xffffu)) >> 16 : bits >> 16;
  };
  *reinterpret_cast<uint2*>(p) =
      make_uint2(round(v.x, draw.word[0]) | round(v.y, draw.word[1]) << 16, round(v.z, draw.word[2]) | round(v.w, draw.word[3]) << 16);
}

template <class Row>
struct Args {
  RowTable<Row> table;
  const float* gradients;
  RowUpdateBuffers b;
  float epsilon;
  double beta1, beta2;
  uint32_t seed;
};

// One optimizer step on a row by the LANES lanes of a group; lane l holds columns 4 (l + LANES i).
template <class Row, OptimizerName O, int LANES, int ITEMS>
__device__ __forceinline__ void apply(const Args<Row>& a, uint32_t row, const float4 (&g)[ITEMS], uint32_t lane, unsigned lanes_mask) {
  const uint32_t chunks = a.table.stride / 4;
  if (a.b.gradients) {
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
      if (lane + i * LANES < chunks) store4(a.b.gradients + static_cast<uint64_t>(row) * a.table.stride + 4 * (lane + i * LANES), g[i]);
    }
    return;
  }
  const StepRecord& now = a.b.state->now;
  const StepRates rates = step_rates<O>(now.learning_rate, now.step, a.epsilon, a.beta1, a.beta2);
  float divisor = 1;
  if constexpr (O == OptimizerName::rowwise_adagrad) {
    float square = 0;
#pragma unroll
    for (int i = 0; i < ITEMS; i++) square += g[i].x * g[i].x + g[i].y * g[i].y + g[i].z * g[i].z + g[i].w * g[i].w;
#pragma unroll
    for (int step = LANES / 2; step > 0; step /= 2) square += __shfl_xor_sync(lanes_mask, square, step);
    float sum = a.table.state[0][row] + square / static_cast<float>(a.table.width);
    if (lane == 0) a.table.state[0][row] = sum;
    divisor = sqrtf(sum) + a.epsilon;
  }
#pragma unroll
  for (int i = 0; i < ITEMS; i++) {
    const uint32_t c = lane + i * LANES;
    if (c >= chunks) continue;
    const uint64_t at = static_cast<uint64_t>(row) * a.table.stride + 4 * c;
    float4 s = zero4(), t = zero4();
    if constexpr (O == OptimizerName::adagrad || O == OptimizerName::adam) s = load4(a.table.state[0] + at);
    if constexpr (O == OptimizerName::adam) t = load4(a.table.state[1] + at);
    const float4 w = update_values<O>(load4(a.table.weights + at), g[i], s, t, rates, divisor);
    if constexpr (O == OptimizerName::adagrad || O == OptimizerName::adam) store4(a.table.state[0] + at, s);
    if constexpr (O == OptimizerName::adam) store4(a.table.state[1] + at, t);
    store_row4(a.table.weights + at, w, row, c, static_cast<uint32_t>(now.step), a.seed);
  }
  if (a.b.dirty && lane == 0) a.b.dirty[row] = 1;
}

// Chunks: one block per 256 sorted positions.
template <class Row, OptimizerName O, int LANES, int ITEMS>
__global__ void __launch_bounds__(tile) chunk_kernel(const Args<Row> a) {
  __shared__ uint32_t heads[tile + 1], warp_start[tile / 32], warp_heads[tile / 32], carried;
  const uint32_t thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
  const uint32_t base = blockIdx.x * tile, at = base + thread;
  wait_for_previous();
  const uint32_t* keys = a.b.keys;
  const uint32_t key = at < a.b.count ? keys[at] : no_row;
  const bool valid = key != no_row;
  const bool run_head = valid && (at == 0 || keys[at - 1] != key);
  // Start + 1 of the run of this position, 0 when it began before the tile.
  uint32_t start = run_head ? at + 1 : 0;
#pragma unroll
  for (int step = 1; step < 32; step *= 2) {
    const uint32_t other = __shfl_up_sync(0xffffffffu, start, step);
    if (lane >= step) start = max(start, other);
  }
  if (lane == 31) warp_start[warp] = start;
  if (warp == 0) {
    const bool from_before = __shfl_sync(0xffffffffu, valid && !run_head, 0);
    const uint32_t key0 = __shfl_sync(0xffffffffu, key, 0);
    if (from_before) {
      const uint32_t begin = run_begin(keys, base, key0, lane);
      if (lane == 0) carried = begin + 1;
    } else if (lane == 0) {
      carried = 0;
    }
  }
  __syncthreads();
  uint32_t before = carried;
  for (uint32_t w = 0; w < warp; w++) before = max(before, warp_start[w]);
  start = max(start, before) - 1;
  // Chunk heads, packed in order.
  const bool nothing = !valid && thread > 0 && at <= a.b.count && keys[at - 1] != no_row;
  const bool head = nothing || (valid && (at - start) % chunk == 0);
  const unsigned votes = __ballot_sync(0xffffffffu, head);
  if (lane == 0) warp_heads[warp] = __popc(votes);
  __syncthreads();
  uint32_t place = __popc(votes & ((1u << lane) - 1)), total = 0;
  for (uint32_t w = 0; w < tile / 32; w++) {
    if (w < warp) place += warp_heads[w];
    total += warp_heads[w];
  }
  if (head) heads[place] = thread | (run_head || nothing ? start_bit : 0) | (nothing ? nothing_bit : 0);
  __syncthreads();
  if (total == 0) return;
  // Where the last chunk ends, perhaps beyond the tile.
  if (warp == 0 && (heads[total - 1] & nothing_bit) == 0) {
    const uint32_t last = heads[total - 1] & place_mask, last_key = keys[base + last], p = base + tile + lane;
    const bool same = p < a.b.count && keys[p] == last_key;
    const unsigned more = __ballot_sync(0xffffffffu, same);
    const uint32_t run_limit = tile + (more == 0xffffffffu ? 32 : __ffs(~more) - 1);
    const uint32_t end = min(last + chunk, run_limit), ends_run = last + chunk < run_limit ? 0 : start_bit;
    if (lane == 0) heads[total] = end | ends_run;
  }
  __syncthreads();
  // Groups of lanes take chunks.
  const uint32_t member = thread % LANES, chunks = a.table.stride / 4;
  const unsigned lanes_mask = LANES == 32 ? 0xffffffffu : ((1u << LANES) - 1) << (lane / LANES * LANES);
  for (uint32_t h = thread / LANES; h < total; h += tile / LANES) {
    if (heads[h] & nothing_bit) continue;
    const uint32_t begin = heads[h] & place_mask, end = heads[h + 1] & place_mask;
    const bool first = heads[h] & start_bit, last = heads[h + 1] & start_bit;
    float4 sum[ITEMS];
#pragma unroll
    for (int i = 0; i < ITEMS; i++) sum[i] = zero4();
    const uint32_t* occurrences = a.b.occurrences + base;
    uint32_t p = begin;
    for (; p + 4 <= end; p += 4) {
      uint32_t o[4];
#pragma unroll
      for (int r = 0; r < 4; r++) o[r] = occurrences[p + r];
#pragma unroll
      for (int i = 0; i < ITEMS; i++) {
        const uint32_t c = member + i * LANES;
        if (c >= chunks) continue;
        float4 g[4];
#pragma unroll
        for (int r = 0; r < 4; r++) g[r] = load4(a.gradients + static_cast<uint64_t>(o[r]) * a.table.stride + 4 * c);
#pragma unroll
        for (int r = 0; r < 4; r++) sum[i] = sum[i] + g[r];
      }
    }
    for (; p < end; p++) {
      const uint32_t o = occurrences[p];
#pragma unroll
      for (int i = 0; i < ITEMS; i++) {
        const uint32_t c = member + i * LANES;
        if (c < chunks) sum[i] = sum[i] + load4(a.gradients + static_cast<uint64_t>(o) * a.table.stride + 4 * c);
      }
    }
    const uint32_t position = base + begin;
    if (first && last) {
      apply<Row, O, LANES, ITEMS>(a, keys[position], sum, member, lanes_mask);
    } else {
      // Full chunks of one run lie 32 apart, and so do the last chunks of different long runs: two slots per 32 positions do.
      const uint64_t slot = 2ull * (position / chunk) + (last ? 1 : 0);
#pragma unroll
      for (int i = 0; i < ITEMS; i++) {
        const uint32_t c = member + i * LANES;
        if (c < chunks) store4(a.b.partials + slot * a.table.stride + 4 * c, sum[i]);
      }
      if (first && member == 0) a.b.long_runs[atomicAdd(&a.b.state->long_runs, 1u)] = position;
    }
  }
}

// Long runs: one block each, in any order (each is on its own).
template <class Row, OptimizerName O, int LANES, int ITEMS>
__global__ void __launch_bounds__(tile) long_run_kernel(const Args<Row> a) {
  constexpr uint32_t groups = tile / LANES;
  __shared__ float4 sums[groups * LANES * ITEMS];
  __shared__ uint32_t shared_end;
  const uint32_t thread = threadIdx.x, lane = thread & 31, member = thread % LANES, group = thread / LANES, chunks = a.table.stride / 4;
  const unsigned lanes_mask = LANES == 32 ? 0xffffffffu : ((1u << LANES) - 1) << (lane / LANES * LANES);
  wait_for_previous();
  const uint32_t runs = a.b.state->long_runs;
  if (blockIdx.x == 0 && thread == 0 && a.b.stamps) {
    a.b.stamps[static_cast<uint64_t>(a.b.state->cursor - 1) * stamp_count + 3] = nanoseconds();
  }
  for (uint32_t r = blockIdx.x; r < runs; r += gridDim.x) {
    const uint32_t begin = a.b.long_runs[r], key = a.b.keys[begin];
    if (thread < 32) {
      const uint32_t end = run_end(a.b.keys, a.b.count, begin, key, lane);
      if (lane == 0) shared_end = end;
    }
    __syncthreads();
    const uint32_t parts = (shared_end - begin + chunk - 1) / chunk;
    float4 sum[ITEMS];
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
      sum[i] = zero4();
      const uint32_t c = member + i * LANES;
      if (c >= chunks) continue;
#pragma unroll 4
      for (uint32_t part = group; part < parts; part += groups) {
        const uint64_t slot = 2ull * ((begin + part * chunk) / chunk) + (part == parts - 1 ? 1 : 0);
        sum[i] = sum[i] + load4(a.b.partials + slot * a.table.stride + 4 * c);
      }
      sums[(group * ITEMS + i) * LANES + member] = sum[i];
    }
    __syncthreads();
    for (uint32_t step = groups / 2; step > 0; step /= 2) {
      if (group < step) {
#pragma unroll
        for (int i = 0; i < ITEMS; i++) {
          const uint32_t mine = (group * ITEMS + i) * LANES + member;
          if (member + i * LANES < chunks) sums[mine] = sums[mine] + sums[mine + step * ITEMS * LANES];
        }
      }
      __syncthreads();
    }
    if (group == 0) {
#pragma unroll
      for (int i = 0; i < ITEMS; i++) sum[i] = member + i * LANES < chunks ? sums[i * LANES + member] : zero4();
      apply<Row, O, LANES, ITEMS>(a, key, sum, member, lanes_mask);
    }
    __syncthreads();
  }
}

// Unordered: one thread per four values of an occurrence.
__global__ void atomic_kernel(RowTable<float> table, const float* gradients, const uint32_t* index, const uint32_t* pooled, uint32_t count,
                              const StepState* state, uint8_t* dirty) {
  const uint32_t chunks = table.stride / 4;
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= static_cast<uint64_t>(count) * chunks) return;
  const uint32_t position = static_cast<uint32_t>(e / chunks), c = static_cast<uint32_t>(e % chunks), row = index[position];
  if (row == no_row) return;
  const float4 step = -state->now.learning_rate * load4(gradients + static_cast<uint64_t>(pooled[position]) * table.stride + 4 * c);
  float* to = table.weights + static_cast<uint64_t>(row) * table.stride + 4 * c;
#if __CUDA_ARCH__ >= 900
  atomicAdd(reinterpret_cast<float4*>(to), step);
#else
  atomicAdd(to, step.x);
  atomicAdd(to + 1, step.y);
  atomicAdd(to + 2, step.z);
  atomicAdd(to + 3, step.w);
#endif
  if (dirty && c == 0) dirty[row] = 1;
}

// ---------------------------------------------------------------------------------------------------------------------------

template <class Row, OptimizerName O, int LANES, int ITEMS>
void launch(const Args<Row>& a, cudaStream_t stream) {
  launch_overlapping(chunk_kernel<Row, O, LANES, ITEMS>, ceil_div(a.b.count, tile), tile, 0, stream, a);
  const uint32_t most = row_update_long_runs(a.b.count);
  launch_overlapping(long_run_kernel<Row, O, LANES, ITEMS>, most < 264 ? most : 264, tile, 0, stream, a);
}

template <class Row, OptimizerName O>
void with_width(const Args<Row>& a, cudaStream_t stream) {
  const uint32_t chunks = a.table.stride / 4;
  if (chunks <= 4) launch<Row, O, 4, 1>(a, stream);
  else if (chunks <= 16) launch<Row, O, 16, 1>(a, stream);
  else if (chunks <= 32) launch<Row, O, 32, 1>(a, stream);
  else launch<Row, O, 32, 4>(a, stream);
}

}  // namespace

uint32_t row_update_partials(uint32_t count) { return 2 * (count / chunk + 2); }
uint32_t row_update_long_runs(uint32_t count) { return count / (chunk + 1) + 1; }

template <class Row>
void row_update(const RowTable<Row>& table, const float* gradients, const RowUpdateBuffers& buffers, const OptimizerSettings& o, uint32_t seed,
                cudaStream_t stream) {
  const Args<Row> a{table, gradients, buffers, o.epsilon, o.beta1, o.beta2, seed};
  switch (o.name) {
    case OptimizerName::sgd: with_width<Row, OptimizerName::sgd>(a, stream); break;
    case OptimizerName::adagrad: with_width<Row, OptimizerName::adagrad>(a, stream); break;
    case OptimizerName::rowwise_adagrad: with_width<Row, OptimizerName::rowwise_adagrad>(a, stream); break;
    case OptimizerName::adam: with_width<Row, OptimizerName::adam>(a, stream); break;
  }
  check_launch("row_update");
}

template void row_update(const RowTable<float>&, const float*, const RowUpdateBuffers&, const OptimizerSettings&, uint32_t, cudaStream_t);
template void row_update(const RowTable<__nv_bfloat16>&, const float*, const RowUpdateBuffers&, const OptimizerSettings&, uint32_t, cudaStream_t);

void row_update_atomic(const RowTable<float>& table, const float* gradients, const uint32_t* index, const uint32_t* pooled, uint32_t count,
                       const StepState* state, uint8_t* dirty, cudaStream_t stream) {
  const uint64_t threads = static_cast<uint64_t>(count) * (table.stride / 4);
  atomic_kernel<<<ceil_div(threads, 256), 256, 0, stream>>>(table, gradients, index, pooled, count, state, dirty);
  check_launch("row_update_atomic");
}

}  // namespace fae::cuda
