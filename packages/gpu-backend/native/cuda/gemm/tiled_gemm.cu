// Launchers of the own matrix products: TF32 on tensor cores (tiled_tf32.cuh) and float32 by FMA, for machines without cuBLASLt
// and for shapes where these are faster.
#include <algorithm>

#include "gemm/gemm.h"
#include "gemm/tiled_tf32.cuh"
#include "support/check.h"

namespace fae::cuda {

// float32: 64 x 64 of C per block of 256 threads, 4 x 4 per thread, k in steps of 16. Written for exactness, not for speed.
template <Layout L>
__global__ void __launch_bounds__(256) fma_kernel(const __grid_constant__ Gemm g) {
  __shared__ float as[16][68], bs[16][68];
  const int thread = threadIdx.x, tx = thread % 16, ty = thread / 16;
  const int m0 = blockIdx.y * 64, n0 = blockIdx.x * 64, split = blockIdx.z;
  const int per_split = (((g.k + g.splits - 1) / g.splits) + 15) / 16 * 16;
  const int k_begin = split * per_split, k_end = min(g.k, k_begin + per_split);
  const bool sums = L == Layout::tn && g.column_sums != nullptr && blockIdx.x == 0;
  float c[4][4] = {};
  float column_sum = 0;
  for (int k0 = k_begin; k0 < k_end; k0 += 16) {
    for (int e = thread; e < 16 * 64; e += 256) {
      // Neighbouring threads read neighbouring words of memory.
      const int ka = L == Layout::tn ? e / 64 : e % 16, ra = L == Layout::tn ? e % 64 : e / 16;
      const int kb = L == Layout::nt ? e % 16 : e / 64, rb = L == Layout::nt ? e / 16 : e % 64;
      const bool in_a = k0 + ka < k_end && m0 + ra < g.m, in_b = k0 + kb < k_end && n0 + rb < g.n;
      const int64_t at_a = L == Layout::tn ? static_cast<int64_t>(k0 + ka) * g.lda + m0 + ra : static_cast<int64_t>(m0 + ra) * g.lda + k0 + ka;
      const int64_t at_b = L == Layout::nt ? static_cast<int64_t>(n0 + rb) * g.ldb + k0 + kb : static_cast<int64_t>(k0 + kb) * g.ldb + n0 + rb;
      as[ka][ra] = in_a ? g.a[at_a] : 0.f;
      bs[kb][rb] = in_b ? g.b[at_b] : 0.f;
    }
    __syncthreads();
    if (sums && thread < 64) {
      for (int k = 0; k < 16; k++) column_sum += as[k][thread];
    }
#pragma unroll
    for (int k = 0; k < 16; k++) {
      float a[4], b[4];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        a[i] = as[k][ty + 16 * i];
        b[i] = bs[k][tx + 16 * i];
      }
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) c[i][j] += a[i] * b[j];
    }
    __syncthreads();
  }
  if (sums && thread < 64 && m0 + thread < g.m) g.column_sums[split * g.sums_stride + m0 + thread] = column_sum;
  float* out = g.c + split * g.split_stride;
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) {
      const int row = m0 + ty + 16 * i, column = n0 + tx + 16 * j;
      if (row >= g.m || column >= g.n) continue;
      float v = c[i][j];
      if (L != Layout::tn && g.columns > 0) {
        if (g.bias) v += g.bias[column];
        if (g.activation == OutputActivation::relu) v = fmaxf(v, 0.f);
        if (g.activation == OutputActivation::sigmoid) v = 1.f / (1.f + expf(-v));
        if (column >= g.columns) v = 0.f;
      }
      float* to = out + static_cast<int64_t>(row) * g.ldc + column;
      if (L != Layout::tn && g.accumulate) v += *to;
      if (L != Layout::tn && g.mask && !(g.mask[static_cast<int64_t>(row) * g.ldmask + column] > 0)) v = 0.f;
      *to = v;
    }
}

// ---------------------------------------------------------------------------------------------------------------------------

namespace {

template <Layout L, int BM, int BN, int WM, int WN, int STAGES>
struct Shape {
  using K = tiled::Kernel<L, BM, BN, WM, WN, STAGES>;
  static void prepare() {
    FAE_CUDA(cudaFuncSetAttribute(tiled::tf32_kernel<L, BM, BN, WM, WN, STAGES>, cudaFuncAttributeMaxDynamicSharedMemorySize, K::shared_bytes));
  }
  static void launch(const Gemm& g, cudaStream_t stream) {
    const dim3 grid(ceil_div(g.n, BN), ceil_div(g.m, BM), g.splits);
    const auto kernel = tiled::tf32_kernel<L, BM, BN, WM, WN, STAGES>;
    // Weight gradients run beside the critical path and must not hold its multiprocessors while they wait.
    if constexpr (L == Layout::tn) kernel<<<grid, K::threads, K::shared_bytes, stream>>>(g);
    else launch_overlapping(kernel, grid, K::threads, K::shared_bytes, stream, g);
  }
};

template <Layout L, class Do>
void with_shape(int shape, Do&& act) {
  // Few large tiles pay where k is cut in parts: weight gradients.
  if constexpr (L == Layout::tn) {
    if (shape == 0) return act(Shape<L, 128, 256, 64, 64, 3>{});
    if (shape == 1) return act(Shape<L, 128, 128, 64, 64, 3>{});
  }
  switch (shape) {
    case 2: return act(Shape<L, 128, 64, 32, 32, 3>{});
    case 3: return act(Shape<L, 64, 64, 32, 16, 4>{});
    case 4: return act(Shape<L, 64, 32, 16, 16, 4>{});
    default: return act(Shape<L, 32, 64, 16, 16, 4>{});
  }
}

template <class Do>
void with_layout(Layout layout, int shape, Do&& act) {
  if (layout == Layout::nt) return with_shape<Layout::nt>(shape, act);
  if (layout == Layout::nn) return with_shape<Layout::nn>(shape, act);
  with_shape<Layout::tn>(shape, act);
}

}  // namespace

TileShape tile_shape(int shape) {
  static constexpr TileShape shapes[tiled_shapes] = {{128, 256, "128x256"}, {128, 128, "128x128"}, {128, 64, "128x64"}, {64, 64, "64x64"}, {64, 32, "64x32"}, {32, 64, "32x64"}};
  return shapes[shape];
}

bool tile_suits(Layout layout, int shape) { return layout == Layout::tn || shape >= 2; }

void tiled_gemm_prepare() {
  for (int shape = 0; shape < tiled_shapes; shape++) {
    for (const Layout layout : {Layout::nt, Layout::nn, Layout::tn}) {
      if (tile_suits(layout, shape)) with_layout(layout, shape, [](auto kernel) { kernel.prepare(); });
    }
  }
}

void tiled_gemm(const Gemm& g, Arithmetic arithmetic, int shape, cudaStream_t stream) {
  if (arithmetic == Arithmetic::float32) {
    const dim3 grid(ceil_div(g.n, 64), ceil_div(g.m, 64), g.splits);
    if (g.layout == Layout::nt) fma_kernel<Layout::nt><<<grid, 256, 0, stream>>>(g);
    else if (g.layout == Layout::nn) fma_kernel<Layout::nn><<<grid, 256, 0, stream>>>(g);
    else fma_kernel<Layout::tn><<<grid, 256, 0, stream>>>(g);
  } else {
    with_layout(g.layout, shape, [&](auto kernel) { kernel.launch(g, stream); });
  }
  check_launch("tiled_gemm");
}

}  // namespace fae::cuda
