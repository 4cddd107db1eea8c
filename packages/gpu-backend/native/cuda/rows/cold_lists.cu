// Cold rows: ids of the batch are visited table by table, input by input; the marked ones are ranked by a prefix sum in two
// kernels (counts per block, then ranks), which gives the order in which the host packed the rows. Copies: one thread per value.
// Bytes: the id words twice; each cold row once each way.
#include "ops/device_math.cuh"
#include "rows/cold_lists.h"
#include "rows/cold_words.h"
#include "support/check.h"

namespace fae::cuda {

namespace {

constexpr uint32_t threads = 256, per_thread = 4, per_block = threads * per_thread;

// The word of the e-th id in visiting order.
__device__ __forceinline__ uint32_t word_of(const ColdLists& c, uint32_t slot, uint32_t inputs, uint64_t e, uint32_t& row_base) {
  const uint32_t vectors = c.batch * c.steps;
  const uint32_t column = static_cast<uint32_t>(e / vectors);
  uint32_t t = 0;
  while (t + 1 < c.tables && c.bags[t + 1] <= column) t++;
  const uint32_t bag = c.bags[t + 1] - c.bags[t];
  const uint64_t within = e - static_cast<uint64_t>(c.bags[t]) * vectors;
  const uint32_t vector = static_cast<uint32_t>(within / bag), l = c.bags[t] + static_cast<uint32_t>(within % bag);
  const uint32_t input = vector / c.steps, step = vector % c.steps;
  row_base = c.row_base[l];
  if (input >= inputs) return 0xffffffffu;
  return c.ring[(static_cast<uint64_t>(slot) * c.batch + input) * c.stride_words + 1 + step * (c.features + c.ids) + c.features + l];
}

template <bool LIST>
__global__ void __launch_bounds__(threads) visit_kernel(const ColdLists c) {
  __shared__ uint2 warp_sums[threads / 32];
  __shared__ uint2 before;
  const uint32_t thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
  const uint64_t total = static_cast<uint64_t>(c.batch) * c.steps * c.ids, first = blockIdx.x * static_cast<uint64_t>(per_block) + thread * per_thread;
  const uint32_t slot = c.state->now.slot, inputs = c.state->now.inputs;
  uint32_t rows[per_thread];
  uint2 marks = make_uint2(0, 0);
  uint32_t fetch_bits = 0, write_bits = 0;
#pragma unroll
  for (uint32_t i = 0; i < per_thread; i++) {
    uint32_t base = 0;
    const uint32_t word = first + i < total ? word_of(c, slot, inputs, first + i, base) : 0xffffffffu;
    rows[i] = base + (word & cold_row_mask);
    const bool real = word != 0xffffffffu;
    fetch_bits |= (real && (word & fetch_bit) ? 1u : 0u) << i;
    write_bits |= (real && (word & write_bit) ? 1u : 0u) << i;
  }
  marks = make_uint2(__popc(fetch_bits), __popc(write_bits));
  // Inclusive sums over the warp, then over the warps.
  uint2 sum = marks;
#pragma unroll
  for (int step = 1; step < 32; step *= 2) {
    const uint32_t x = __shfl_up_sync(0xffffffffu, sum.x, step), y = __shfl_up_sync(0xffffffffu, sum.y, step);
    if (lane >= step) sum.x += x, sum.y += y;
  }
  if (lane == 31) warp_sums[warp] = sum;
  if constexpr (LIST) {
    // Marks of all blocks before this one.
    if (warp == 0) {
      uint2 earlier = make_uint2(0, 0);
      for (uint32_t b = lane; b < blockIdx.x; b += 32) earlier.x += c.counts[b].x, earlier.y += c.counts[b].y;
      earlier.x = lanes_sum<32>(earlier.x), earlier.y = lanes_sum<32>(earlier.y);
      if (lane == 0) before = earlier;
    }
  }
  __syncthreads();
  uint2 offset = make_uint2(0, 0);
  for (uint32_t w = 0; w < warp; w++) offset.x += warp_sums[w].x, offset.y += warp_sums[w].y;
  if constexpr (!LIST) {
    if (thread == threads - 1) c.counts[blockIdx.x] = make_uint2(offset.x + sum.x, offset.y + sum.y);
  } else {
    uint32_t fetch_rank = before.x + offset.x + sum.x - marks.x, write_rank = before.y + offset.y + sum.y - marks.y;
#pragma unroll
    for (uint32_t i = 0; i < per_thread; i++) {
      if (fetch_bits >> i & 1) c.fetched[fetch_rank++] = rows[i];
      if (write_bits >> i & 1) c.written[write_rank++] = rows[i];
    }
    if (blockIdx.x == gridDim.x - 1 && thread == threads - 1) {
      c.state->fetched = fetch_rank;
      c.state->written = write_rank;
    }
  }
}

__device__ __forceinline__ void put(float* p, float v) { *p = v; }
__device__ __forceinline__ void put(__nv_bfloat16* p, float v) { *p = __float2bfloat16(v); }
__device__ __forceinline__ float take(const float* p) { return *p; }
__device__ __forceinline__ float take(const __nv_bfloat16* p) { return __bfloat162float(*p); }

template <class Row, bool INSERT>
__global__ void __launch_bounds__(256) copy_kernel(float* staging, uint64_t batch_floats, Row* rows, uint32_t pitch, uint32_t columns, const uint32_t* list,
                                                   const StepState* state) {
  staging += state->now.cold_slot * batch_floats;
  const uint64_t total = static_cast<uint64_t>(INSERT ? state->fetched : state->written) * columns;
  for (uint64_t e = blockIdx.x * 256ull + threadIdx.x; e < total; e += gridDim.x * 256ull) {
    Row* at = rows + static_cast<uint64_t>(list[e / columns]) * pitch + e % columns;
    if constexpr (INSERT) put(at, staging[e]);
    else staging[e] = take(at);
  }
}

template <bool INSERT>
void copy(const ColdStaging& s, const uint32_t* list, const StepState* state, uint32_t slots, cudaStream_t stream) {
  for (uint32_t i = 0; i < slots; i++) {
    float* staging = s.base + s.slot_at[i];
    if (i == 0 && s.bf16) {
      copy_kernel<__nv_bfloat16, INSERT><<<264, 256, 0, stream>>>(staging, s.batch_floats, static_cast<__nv_bfloat16*>(s.rows[0]), s.pitches[0], s.columns[0], list, state);
    } else {
      copy_kernel<float, INSERT><<<264, 256, 0, stream>>>(staging, s.batch_floats, static_cast<float*>(s.rows[i]), s.pitches[i], s.columns[i], list, state);
    }
  }
  check_launch("copy_cold_rows");
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------------

uint32_t cold_list_blocks(const ColdLists& c) { return ceil_div(static_cast<uint64_t>(c.batch) * c.steps * c.ids, per_block); }

void list_cold_rows(const ColdLists& c, cudaStream_t stream) {
  visit_kernel<false><<<cold_list_blocks(c), threads, 0, stream>>>(c);
  visit_kernel<true><<<cold_list_blocks(c), threads, 0, stream>>>(c);
  check_launch("list_cold_rows");
}

void insert_cold_rows(const ColdStaging& s, const uint32_t* list, const StepState* state, uint32_t slots, cudaStream_t stream) { copy<true>(s, list, state, slots, stream); }
void collect_cold_rows(const ColdStaging& s, const uint32_t* list, const StepState* state, cudaStream_t stream) { copy<false>(s, list, state, s.slots, stream); }

}  // namespace fae::cuda
