// interact: v_0 = x, v_(t+1) = row t; out = x, then v_i . v_j for j < i (j <= i with `self`), i outside. Per vector of the batch.
// Gradient: dv_i = sum_j G[i][j] v_j with G symmetric (twice the gradient on the diagonal); dx also gets the copied part.
//
// Scheme: LANES lanes per vector: 32; fewer for few tables; a block of 128 where the vectors would leave most of the GPU idle. Rows are
// gathered straight from the tables into shared memory, padded by 4 words, by asynchronous copies that start before the kernel waits
// for the one before it. Forward: a lane owns a SIDE x SIDE block of dots whose rows lie ceil((T + 1) / SIDE) apart, which makes the
// reads of a warp hit different banks. Backward: a lane owns ROWS rows x 4 columns of dv; G is unfolded in shared memory. Every sum
// runs in one thread in an order that depends on neither: deterministic, and the same bits for all LANES.
// Bytes per vector, 4 (T + 1) D read, 4 (D + pairs) written; backward the same read again, 4 (T + 1) D written.
#include <algorithm>
#include <type_traits>

#include "ops/device_math.cuh"
#include "ops/interact.h"
#include "support/check.h"
#include "support/launch.h"

namespace fae::cuda {

namespace {

struct Sizes {
  uint32_t vectors, tables, width, stride, pairs, output_ld, group_floats;
  bool self;
};

__device__ __forceinline__ uint32_t tri(uint32_t i) { return i * (i + 1) / 2; }

// 16 bytes into shared memory, zeros without `is_there`; arrived after `copies_arrive` and a barrier.
__device__ __forceinline__ void copy_chunk(float* shared, const float* from, bool is_there) {
  const uint32_t to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(is_there ? 16 : 0) : "memory");
}
__device__ __forceinline__ void copies_arrive() { asm volatile("cp.async.wait_all;" ::: "memory"); }

// Barrier of the lanes of one vector.
template <int LANES>
__device__ __forceinline__ void vector_barrier() {
  if constexpr (LANES > 32) __syncthreads();
  else __syncwarp();
}

template <class Row, int LANES, int CHUNKS>
__device__ __forceinline__ void gather_rows(float* v, uint32_t v_stride, const RowAccess<Row>& rows, uint32_t vector, uint32_t stride, uint32_t tables, uint32_t lane) {
  const uint32_t chunks = CHUNKS ? CHUNKS : stride / 4, total = tables * chunks;
  if constexpr (std::is_same_v<Row, float>) {
    if (!rows.bags) {
#pragma unroll 4
      for (uint32_t e = lane; e < total; e += LANES) {
        const uint32_t t = e / chunks, c = e - t * chunks;
        const bool is_there = !rows.index || rows.index[static_cast<uint64_t>(vector) * rows.ids + t] != no_row;
        const uint64_t row = !is_there ? 0 : rows.index ? rows.index[static_cast<uint64_t>(vector) * rows.ids + t] : static_cast<uint64_t>(vector) * tables + t;
        copy_chunk(v + (t + 1) * v_stride + 4 * c, rows.rows + row * stride + 4 * c, is_there);
      }
      return;
    }
  }
#pragma unroll 4
  for (uint32_t e = lane; e < total; e += LANES) {
    const uint32_t t = e / chunks, c = e - t * chunks;
    store4(v + (t + 1) * v_stride + 4 * c, pooled4(rows, vector, t, c));
  }
}

template <int LANES, int CHUNKS>
__device__ __forceinline__ void gather_x(float* v, const float* x, uint32_t vector, uint32_t stride, uint32_t lane) {
  const uint32_t chunks = CHUNKS ? CHUNKS : stride / 4;
  for (uint32_t c = lane; c < chunks; c += LANES) copy_chunk(v + 4 * c, x + static_cast<uint64_t>(vector) * stride + 4 * c, true);
}

// rows_settled: what `rows` points at was written by no kernel later than the last but one.
template <class Row, int LANES, int CHUNKS>
__global__ void __launch_bounds__(128) forward_kernel(float* __restrict__ out, const float* __restrict__ x, const RowAccess<Row> rows, const bool rows_settled, const Sizes s) {
  constexpr int SIDE = LANES > 32 ? 2 : 4;
  extern __shared__ __align__(16) float shared[];
  const uint32_t lane = threadIdx.x % LANES, group = threadIdx.x / LANES;
  const uint32_t vector = blockIdx.x * (blockDim.x / LANES) + group;
  const bool active = vector < s.vectors;
  const uint32_t v_stride = s.stride + 4, count = s.tables + 1, blocks = (count + SIDE - 1) / SIDE;
  float* v = shared + group * s.group_floats;
  float* z = v + count * v_stride;
  if (!rows_settled) wait_for_previous();
  if (active) gather_rows<Row, LANES, CHUNKS>(v, v_stride, rows, vector, s.stride, s.tables, lane);
  if (rows_settled) wait_for_previous();
  if (active) gather_x<LANES, CHUNKS>(v, x, vector, s.stride, lane);
  copies_arrive();
  vector_barrier<LANES>();
  for (uint32_t pair = lane; active && pair < tri(blocks); pair += LANES) {
    uint32_t a = static_cast<uint32_t>((sqrtf(8.f * pair + 1.f) - 1.f) * 0.5f);
    while (tri(a + 1) <= pair) a++;
    while (tri(a) > pair) a--;
    const uint32_t b = pair - tri(a);
    float dots[SIDE][SIDE] = {};
    const uint32_t chunks = CHUNKS ? CHUNKS : s.stride / 4;
    const float *p[SIDE], *q[SIDE];
#pragma unroll
    for (int r = 0; r < SIDE; r++) {
      const uint32_t i = a + blocks * r, j = b + blocks * r;
      p[r] = v + (i < count ? i : 0) * v_stride;
      q[r] = v + (j < count ? j : 0) * v_stride;
    }
#pragma unroll 4
    for (uint32_t c = 0; c < chunks; c++) {
      float4 pv[SIDE], qv[SIDE];
#pragma unroll
      for (int r = 0; r < SIDE; r++) {
        pv[r] = load4(p[r] + 4 * c);
        qv[r] = load4(q[r] + 4 * c);
      }
#pragma unroll
      for (int r = 0; r < SIDE; r++)
#pragma unroll
        for (int t = 0; t < SIDE; t++) {
          dots[r][t] = fmaf(pv[r].x, qv[t].x, dots[r][t]);
          dots[r][t] = fmaf(pv[r].y, qv[t].y, dots[r][t]);
          dots[r][t] = fmaf(pv[r].z, qv[t].z, dots[r][t]);
          dots[r][t] = fmaf(pv[r].w, qv[t].w, dots[r][t]);
        }
    }
#pragma unroll
    for (int r = 0; r < SIDE; r++)
#pragma unroll
      for (int t = 0; t < SIDE; t++) {
        const uint32_t i = a + blocks * r, j = b + blocks * t;
        if (a == b && t > r) continue;
        const uint32_t high = max(i, j), low = min(i, j);
        if (high >= count || (high == low && !s.self)) continue;
        z[(s.self ? tri(high) : tri(high) - high) + low] = dots[r][t];
      }
  }
  vector_barrier<LANES>();
  if (!active) return;
  float* to = out + static_cast<uint64_t>(vector) * s.output_ld;
  for (uint32_t chunk = lane; chunk < s.output_ld / 4; chunk += LANES) {
    float part[4];
#pragma unroll
    for (int r = 0; r < 4; r++) {
      const uint32_t k = 4 * chunk + r;
      part[r] = k < s.width ? v[k] : k - s.width < s.pairs ? z[k - s.width] : 0.f;
    }
    store4(to + 4 * chunk, make_float4(part[0], part[1], part[2], part[3]));
  }
}

// x and the rows were read by the forward pass: the loss lies between, so they are settled.
template <class Row, int LANES, int CHUNKS>
__global__ void __launch_bounds__(128) backward_kernel(const InteractGradients d, const float* __restrict__ out_gradient, const float* __restrict__ x,
                                                       const RowAccess<Row> rows, const uint32_t* __restrict__ pair_rows, const Sizes s) {
  constexpr int ROWS = LANES > 32 ? 1 : 4;
  extern __shared__ __align__(16) float shared[];
  const uint32_t lane = threadIdx.x % LANES, group = threadIdx.x / LANES;
  const uint32_t vector = blockIdx.x * (blockDim.x / LANES) + group;
  const bool active = vector < s.vectors;
  const uint32_t v_stride = s.stride + 4, count = s.tables + 1, g_stride = (count + 3) / 4 * 4;
  float* v = shared + group * s.group_floats;
  float* g = v + count * v_stride;
  const float* dz = out_gradient + static_cast<uint64_t>(vector) * s.output_ld;
  if (active) {
    gather_rows<Row, LANES, CHUNKS>(v, v_stride, rows, vector, s.stride, s.tables, lane);
    gather_x<LANES, CHUNKS>(v, x, vector, s.stride, lane);
    for (uint32_t e = lane; e < count * g_stride / 4; e += LANES) store4(g + 4 * e, zero4());
  }
  wait_for_previous();
  vector_barrier<LANES>();
  if (active) {
#pragma unroll 4
    for (uint32_t p = lane; p < s.pairs; p += LANES) {
      const float value = dz[s.width + p];
      const uint32_t ij = pair_rows[p], i = ij >> 16, j = ij & 0xffffu;
      g[i * g_stride + j] = i == j ? 2.f * value : value;
      g[j * g_stride + i] = i == j ? 2.f * value : value;
    }
  }
  copies_arrive();
  vector_barrier<LANES>();
  if (!active) return;
  const uint32_t chunks = CHUNKS ? CHUNKS : s.stride / 4;
  for (uint32_t item = lane; item < chunks * (g_stride / ROWS); item += LANES) {
    const uint32_t c = item % chunks, row0 = item / chunks * ROWS;
    float4 sum[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r++) sum[r] = zero4();
    for (uint32_t j = 0; j < count; j++) {
      const float4 value = load4(v + j * v_stride + 4 * c);
      if constexpr (ROWS == 4) {
        const float4 weight = load4(g + j * g_stride + row0);
        sum[0] = fma4(weight.x, value, sum[0]);
        sum[1] = fma4(weight.y, value, sum[1]);
        sum[2] = fma4(weight.z, value, sum[2]);
        sum[3] = fma4(weight.w, value, sum[3]);
      } else {
        sum[0] = fma4(g[j * g_stride + row0], value, sum[0]);
      }
    }
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      const uint32_t i = row0 + r;
      if (i >= count) break;
      if (i == 0) {
        if (!d.x) continue;
        float* to = d.x + static_cast<uint64_t>(vector) * s.stride + 4 * c;
        float copied[4];
#pragma unroll
        for (uint32_t k = 0; k < 4; k++) copied[k] = 4 * c + k < s.width ? dz[4 * c + k] : 0.f;
        float4 value = sum[r] + make_float4(copied[0], copied[1], copied[2], copied[3]);
        if (d.add_x) value = value + load4(to);
        if (d.relu_x) value = where_positive(load4(v + 4 * c), value);
        store4(to, value);
      } else if (d.rows) {
        float* to = d.rows + (static_cast<uint64_t>(vector) * s.tables + i - 1) * s.stride + 4 * c;
        store4(to, d.add_rows ? sum[r] + load4(to) : sum[r]);
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------------

size_t vector_floats(const InteractShape& shape) { return (shape.tables + 1) * (shape.stride + 4); }
size_t forward_floats(const InteractShape& shape) { return vector_floats(shape) + pad4(shape.pairs()); }
size_t backward_floats(const InteractShape& shape) { return vector_floats(shape) + (shape.tables + 1) * pad4(shape.tables + 1); }

Sizes sizes_of(const InteractShape& shape, size_t group_floats) {
  return {shape.vectors, shape.tables, shape.width, shape.stride, shape.pairs(), shape.output_ld, static_cast<uint32_t>(group_floats), shape.self};
}

// Up to so many vectors of so many columns a block works on each: with a warp for each they would not fill the GPU. Wider ones do.
constexpr uint32_t most_blockwise = 1056, widest_blockwise = 32;

template <class Do>
void with_lanes(const InteractShape& shape, Do&& act) {
  const uint32_t count = shape.tables + 1;
  const auto chunks = [&](auto lanes) {
    if (shape.stride == 16) act(lanes, std::integral_constant<int, 4>{});
    else if (shape.stride == 64) act(lanes, std::integral_constant<int, 16>{});
    else act(lanes, std::integral_constant<int, 0>{});
  };
  if (count <= 4) chunks(std::integral_constant<int, 4>{});
  else if (count <= 12) chunks(std::integral_constant<int, 8>{});
  else if (shape.vectors > most_blockwise || shape.stride > widest_blockwise) chunks(std::integral_constant<int, 32>{});
  else chunks(std::integral_constant<int, 128>{});
}

struct Launch {
  dim3 grid;
  unsigned threads;
  size_t bytes;
};

// As many vectors per block as shared memory allows, at most 128 threads.
template <int LANES>
Launch launch_of(const InteractShape& shape, size_t group_floats) {
  const size_t each = 4 * group_floats;
  size_t groups = 128 / LANES;
  // A warp is the least: its lanes run together.
  const size_t least = LANES > 32 ? 1 : 32 / LANES;
  while (groups > least && groups * each > interact_shared_limit) groups /= 2;
  return {dim3(ceil_div(shape.vectors, groups)), static_cast<unsigned>(groups * LANES), groups * each};
}

}  // namespace

size_t interact_shared_bytes(const InteractShape& shape) { return 4 * std::max(forward_floats(shape), backward_floats(shape)); }

uint32_t interact_pair(uint32_t p, bool self) {
  uint32_t i = self ? 0 : 1;
  while (p >= i + (self ? 1 : 0)) p -= i++ + (self ? 1 : 0);
  return i << 16 | p;
}

void interact_prepare() {
  const auto raise = [](auto row, auto lanes, auto chunks) {
    using Row = decltype(row);
    constexpr int limit = static_cast<int>(interact_shared_limit);
    FAE_CUDA(cudaFuncSetAttribute(forward_kernel<Row, lanes.value, chunks.value>, cudaFuncAttributeMaxDynamicSharedMemorySize, limit));
    FAE_CUDA(cudaFuncSetAttribute(backward_kernel<Row, lanes.value, chunks.value>, cudaFuncAttributeMaxDynamicSharedMemorySize, limit));
  };
  for (const uint32_t tables : {3u, 8u, 26u}) {
    for (const uint32_t stride : {16u, 64u, 4u}) {
      for (const uint32_t vectors : {1u, most_blockwise + 1}) {
        with_lanes({vectors, tables, stride, stride, false, 0}, [&](auto lanes, auto chunks) {
          raise(float{}, lanes, chunks);
          raise(__nv_bfloat16{}, lanes, chunks);
        });
      }
    }
  }
}

template <class Row>
void interact_forward(float* out, const float* x, const RowAccess<Row>& rows, bool rows_settled, const InteractShape& shape, cudaStream_t stream) {
  with_lanes(shape, [&](auto lanes, auto chunks) {
    const size_t floats = forward_floats(shape);
    const auto [grid, threads, bytes] = launch_of<lanes.value>(shape, floats);
    launch_overlapping(forward_kernel<Row, lanes.value, chunks.value>, grid, threads, bytes, stream, out, x, rows, rows_settled, sizes_of(shape, floats));
  });
  check_launch("interact_forward");
}

template <class Row>
void interact_backward(const InteractGradients& gradients, const float* out_gradient, const float* x, const RowAccess<Row>& rows,
                       const uint32_t* pair_rows, const InteractShape& shape, cudaStream_t stream) {
  with_lanes(shape, [&](auto lanes, auto chunks) {
    const size_t floats = backward_floats(shape);
    const auto [grid, threads, bytes] = launch_of<lanes.value>(shape, floats);
    launch_overlapping(backward_kernel<Row, lanes.value, chunks.value>, grid, threads, bytes, stream, gradients, out_gradient, x, rows, pair_rows,
                       sizes_of(shape, floats));
  });
  check_launch("interact_backward");
}

template void interact_forward(float*, const float*, const RowAccess<float>&, bool, const InteractShape&, cudaStream_t);
template void interact_forward(float*, const float*, const RowAccess<__nv_bfloat16>&, bool, const InteractShape&, cudaStream_t);
template void interact_backward(const InteractGradients&, const float*, const float*, const RowAccess<float>&, const uint32_t*, const InteractShape&,
                                cudaStream_t);
template void interact_backward(const InteractGradients&, const float*, const float*, const RowAccess<__nv_bfloat16>&, const uint32_t*,
                                const InteractShape&, cudaStream_t);

}  // namespace fae::cuda
