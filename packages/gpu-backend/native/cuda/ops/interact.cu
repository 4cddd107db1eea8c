// interact: v_0 = x, v_(t+1) = row t; out = x, then v_i . v_j for j < i (j <= i with `self`), i outside. Per vector of the batch.
// Gradient: dv_i = sum_j G[i][j] v_j with G symmetric (twice the gradient on the diagonal); dx also gets the copied part.
//
// Scheme: LANES lanes per vector (32, or fewer for few tables). The vectors are gathered straight from the tables into shared
// memory, rows padded by 4 words. Forward: a lane owns a 4 x 4 block of dots whose rows lie ceil((T + 1) / 4) apart, which
// makes the reads of a warp hit different banks. Backward: a lane owns 4 rows x 4 columns of dv; G is unfolded in shared
// memory. Every sum runs in a fixed order in one thread: deterministic.
// Bytes per vector, 4 (T + 1) D read, 4 (D + pairs) written; backward the same read again, 4 (T + 1) D written.
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

template <class Row, int LANES, int CHUNKS>
__device__ __forceinline__ void gather(float* v, uint32_t v_stride, const float* x, const RowAccess<Row>& rows, uint32_t vector, uint32_t stride,
                                       uint32_t tables, uint32_t lane) {
  const uint32_t chunks = CHUNKS ? CHUNKS : stride / 4;
  const uint32_t total = (tables + 1) * chunks;
#pragma unroll 4
  for (uint32_t e = lane; e < total; e += LANES) {
    const uint32_t i = e / chunks, c = e - i * chunks;
    const float4 value = i == 0 ? load4(x + static_cast<uint64_t>(vector) * stride + 4 * c) : pooled4(rows, vector, i - 1, c);
    store4(v + i * v_stride + 4 * c, value);
  }
}

template <class Row, int LANES, int CHUNKS>
__global__ void __launch_bounds__(128) forward_kernel(float* __restrict__ out, const float* __restrict__ x, const RowAccess<Row> rows, const Sizes s) {
  extern __shared__ __align__(16) float shared[];
  const uint32_t lane = threadIdx.x % LANES, group = threadIdx.x / LANES;
  const uint32_t vector = blockIdx.x * (blockDim.x / LANES) + group;
  const bool active = vector < s.vectors;
  const uint32_t v_stride = s.stride + 4, count = s.tables + 1, blocks = (count + 3) / 4;
  float* v = shared + group * s.group_floats;
  float* z = v + count * v_stride;
  wait_for_previous();
  if (active) gather<Row, LANES, CHUNKS>(v, v_stride, x, rows, vector, s.stride, s.tables, lane);
  __syncwarp();
  for (uint32_t pair = lane; active && pair < tri(blocks); pair += LANES) {
    uint32_t a = static_cast<uint32_t>((sqrtf(8.f * pair + 1.f) - 1.f) * 0.5f);
    while (tri(a + 1) <= pair) a++;
    while (tri(a) > pair) a--;
    const uint32_t b = pair - tri(a);
    float dots[4][4] = {};
    const uint32_t chunks = CHUNKS ? CHUNKS : s.stride / 4;
    const float *p[4], *q[4];
#pragma unroll
    for (int r = 0; r < 4; r++) {
      const uint32_t i = a + blocks * r, j = b + blocks * r;
      p[r] = v + (i < count ? i : 0) * v_stride;
      q[r] = v + (j < count ? j : 0) * v_stride;
    }
#pragma unroll 4
    for (uint32_t c = 0; c < chunks; c++) {
      float4 pv[4], qv[4];
#pragma unroll
      for (int r = 0; r < 4; r++) {
        pv[r] = load4(p[r] + 4 * c);
        qv[r] = load4(q[r] + 4 * c);
      }
#pragma unroll
      for (int r = 0; r < 4; r++)
#pragma unroll
        for (int t = 0; t < 4; t++) {
          dots[r][t] = fmaf(pv[r].x, qv[t].x, dots[r][t]);
          dots[r][t] = fmaf(pv[r].y, qv[t].y, dots[r][t]);
          dots[r][t] = fmaf(pv[r].z, qv[t].z, dots[r][t]);
          dots[r][t] = fmaf(pv[r].w, qv[t].w, dots[r][t]);
        }
    }
#pragma unroll
    for (int r = 0; r < 4; r++)
#pragma unroll
      for (int t = 0; t < 4; t++) {
        const uint32_t i = a + blocks * r, j = b + blocks * t;
        if (a == b && t > r) continue;
        const uint32_t high = max(i, j), low = min(i, j);
        if (high >= count || (high == low && !s.self)) continue;
        z[(s.self ? tri(high) : tri(high) - high) + low] = dots[r][t];
      }
  }
  __syncwarp();
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

template <class Row, int LANES, int CHUNKS>
__global__ void __launch_bounds__(128) backward_kernel(const InteractGradients d, const float* __restrict__ out_gradient, const float* __restrict__ x,
                                                       const RowAccess<Row> rows, const uint32_t* __restrict__ pair_rows, const Sizes s) {
  extern __shared__ __align__(16) float shared[];
  const uint32_t lane = threadIdx.x % LANES, group = threadIdx.x / LANES;
  const uint32_t vector = blockIdx.x * (blockDim.x / LANES) + group;
  const bool active = vector < s.vectors;
  const uint32_t v_stride = s.stride + 4, count = s.tables + 1, g_stride = (count + 3) / 4 * 4;
  float* v = shared + group * s.group_floats;
  float* g = v + count * v_stride;
  const float* dz = out_gradient + static_cast<uint64_t>(vector) * s.output_ld;
  wait_for_previous();
  if (active) {
    gather<Row, LANES, CHUNKS>(v, v_stride, x, rows, vector, s.stride, s.tables, lane);
    for (uint32_t e = lane; e < count * g_stride / 4; e += LANES) store4(g + 4 * e, zero4());
  }
  __syncwarp();
  if (active) {
#pragma unroll 4
    for (uint32_t p = lane; p < s.pairs; p += LANES) {
      const float value = dz[s.width + p];
      const uint32_t ij = pair_rows[p], i = ij >> 16, j = ij & 0xffffu;
      g[i * g_stride + j] = i == j ? 2.f * value : value;
      g[j * g_stride + i] = i == j ? 2.f * value : value;
    }
  }
  __syncwarp();
  if (!active) return;
  const uint32_t chunks = CHUNKS ? CHUNKS : s.stride / 4;
  for (uint32_t item = lane; item < chunks * (g_stride / 4); item += LANES) {
    const uint32_t c = item % chunks, row0 = item / chunks * 4;
    float4 sum[4] = {zero4(), zero4(), zero4(), zero4()};
    for (uint32_t j = 0; j < count; j++) {
      const float4 weight = load4(g + j * g_stride + row0), value = load4(v + j * v_stride + 4 * c);
      sum[0] = fma4(weight.x, value, sum[0]);
      sum[1] = fma4(weight.y, value, sum[1]);
      sum[2] = fma4(weight.z, value, sum[2]);
      sum[3] = fma4(weight.w, value, sum[3]);
    }
#pragma unroll
    for (uint32_t r = 0; r < 4; r++) {
      const uint32_t i = row0 + r;
      if (i >= count) break;
      if (i == 0) {
        if (!d.x) continue;
        float* to = d.x + static_cast<uint64_t>(vector) * s.stride + 4 * c;
        float copied[4];
#pragma unroll
        for (uint32_t k = 0; k < 4; k++) copied[k] = 4 * c + k < s.width ? dz[4 * c + k] : 0.f;
        float4 value = sum[0] + make_float4(copied[0], copied[1], copied[2], copied[3]);
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

Sizes sizes_of(const InteractShape& shape) {
  return {shape.vectors, shape.tables, shape.width, shape.stride, shape.pairs(), shape.output_ld,
          static_cast<uint32_t>(interact_shared_bytes(shape) / 4), shape.self};
}

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
  else chunks(std::integral_constant<int, 32>{});
}

// As many vectors per block as shared memory allows, at most 128 threads.
template <int LANES>
dim3 blocks_of(const InteractShape& shape, size_t& bytes, unsigned& threads) {
  const size_t each = interact_shared_bytes(shape);
  size_t groups = 128 / LANES;
  // A warp is the least: its lanes run together.
  const size_t least = 32 / LANES;
  while (groups > least && groups * each > interact_shared_limit) groups /= 2;
  bytes = groups * each;
  threads = static_cast<unsigned>(groups * LANES);
  return dim3(ceil_div(shape.vectors, groups));
}

}  // namespace

size_t interact_shared_bytes(const InteractShape& shape) {
  const size_t count = shape.tables + 1, vectors = count * (shape.stride + 4);
  const size_t forward = vectors + pad4(shape.pairs()), backward = vectors + count * pad4(count);
  return 4 * (forward > backward ? forward : backward);
}

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
      const InteractShape shape{1, tables, stride, stride, false, 0};
      with_lanes(shape, [&](auto lanes, auto chunks) {
        raise(float{}, lanes, chunks);
        raise(__nv_bfloat16{}, lanes, chunks);
      });
    }
  }
}

template <class Row>
void interact_forward(float* out, const float* x, const RowAccess<Row>& rows, const InteractShape& shape, cudaStream_t stream) {
  with_lanes(shape, [&](auto lanes, auto chunks) {
    size_t bytes;
    unsigned threads;
    const dim3 grid = blocks_of<lanes.value>(shape, bytes, threads);
    launch_overlapping(forward_kernel<Row, lanes.value, chunks.value>, grid, threads, bytes, stream, out, x, rows, sizes_of(shape));
  });
  check_launch("interact_forward");
}

template <class Row>
void interact_backward(const InteractGradients& gradients, const float* out_gradient, const float* x, const RowAccess<Row>& rows,
                       const uint32_t* pair_rows, const InteractShape& shape, cudaStream_t stream) {
  with_lanes(shape, [&](auto lanes, auto chunks) {
    size_t bytes;
    unsigned threads;
    const dim3 grid = blocks_of<lanes.value>(shape, bytes, threads);
    launch_overlapping(backward_kernel<Row, lanes.value, chunks.value>, grid, threads, bytes, stream, gradients, out_gradient, x, rows, pair_rows,
                       sizes_of(shape));
  });
  check_launch("interact_backward");
}

template void interact_forward(float*, const float*, const RowAccess<float>&, const InteractShape&, cudaStream_t);
template void interact_forward(float*, const float*, const RowAccess<__nv_bfloat16>&, const InteractShape&, cudaStream_t);
template void interact_backward(const InteractGradients&, const float*, const float*, const RowAccess<float>&, const uint32_t*, const InteractShape&,
                                cudaStream_t);
template void interact_backward(const InteractGradients&, const float*, const float*, const RowAccess<__nv_bfloat16>&, const uint32_t*,
                                const InteractShape&, cudaStream_t);

}  // namespace fae::cuda
