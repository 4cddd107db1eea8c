// Tiled matrix product on tensor cores, TF32 operands and float32 sums: C [m, n] = A B (gemm.h).
//
// A block computes BM x BN of C; k runs in steps of 32 through a ring of STAGES tiles in shared memory filled by cp.async.
// Operands that lie along k are read with ldmatrix from an XOR-swizzled tile; operands that lie along m or n are read word by
// word from a tile whose rows are padded by 8 words, so both ways are free of bank conflicts. Every sum runs over k in
// ascending order inside one thread, so results do not depend on timing. Bytes: A and B once per tile column/row, C once.
// Operands are cut to TF32 by the tensor core itself, as Hopper's own matrix instructions do.
#pragma once

#include <cstdint>

#include "gemm/gemm.h"
#include "support/launch.h"

namespace fae::cuda::tiled {

constexpr int BK = 32;

__device__ __forceinline__ uint32_t shared_address(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }

__device__ __forceinline__ void copy16(float* to, const float* from, bool inside) {
  const int bytes = inside ? 16 : 0;  // 0: the 16 bytes become zero, nothing is read
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes));
}

__device__ __forceinline__ void load_matrix4(uint32_t (&r)[4], const float* p) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(p)));
}

__device__ __forceinline__ void multiply(float (&c)[4], const uint32_t (&a)[4], const uint32_t* b) {
  asm(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// A tile of R rows (m or n) x 32 k. Along k: [R][32] with swizzled 16-byte chunks; across: [32][R + 8].
template <bool ALONG_K, int R>
struct Tile {
  static constexpr int stride = ALONG_K ? BK : R + 8;
  static constexpr int floats = ALONG_K ? R * BK : BK * (R + 8);

  __device__ static int along_k(int row, int chunk) { return row * BK + ((chunk ^ (row & 7)) << 2); }
};

// What one thread copies of each tile of an operand: always the same places, so addresses are worked out once.
template <bool ALONG_K, int R, int THREADS>
struct Loader {
  using T = Tile<ALONG_K, R>;
  static constexpr int per_line = ALONG_K ? BK / 4 : R / 4;
  static constexpr int line_step = THREADS / per_line, count = (ALONG_K ? R : BK) / line_step;
  static_assert(THREADS % per_line == 0 && (ALONG_K ? R : BK) % line_step == 0 && (!ALONG_K || line_step % 8 == 0));

  const float* source;
  const float* at;
  int64_t stride, advance;  // from one copy to the next, from one tile to the next
  uint32_t valid;           // copies inside the operand, along m or n
  int k, shared_at;

  __device__ Loader(const float* from, int ld, int row0, int rows, int k_begin, int thread) : source(from) {
    const int chunk = thread % per_line, line = thread / per_line;
    stride = static_cast<int64_t>(line_step) * ld;
    if constexpr (ALONG_K) {
      at = from + static_cast<int64_t>(row0 + line) * ld + k_begin + chunk * 4;
      advance = BK;
      k = k_begin + chunk * 4;
      shared_at = T::along_k(line, chunk);
      valid = 0;
#pragma unroll
      for (int i = 0; i < count; i++) valid |= (row0 + line + i * line_step < rows ? 1u : 0u) << i;
    } else {
      at = from + static_cast<int64_t>(k_begin + line) * ld + row0 + chunk * 4;
      advance = static_cast<int64_t>(BK) * ld;
      k = k_begin + line;
      shared_at = line * T::stride + chunk * 4;
      valid = row0 + chunk * 4 < rows ? 0xffffffffu : 0u;
    }
  }

  // Starts the copies of the next tile.
  __device__ void load(float* tile, int k_end) {
#pragma unroll
    for (int i = 0; i < count; i++) {
      const bool inside = (valid >> i & 1) && (ALONG_K ? k : k + i * line_step) < k_end;
      copy16(tile + shared_at + i * line_step * T::stride, inside ? at + i * stride : source, inside);
    }
    at += advance;
    k += BK;
  }
};

__device__ __forceinline__ float activate(float x, OutputActivation activation) {
  if (activation == OutputActivation::relu) return fmaxf(x, 0.f);
  if (activation == OutputActivation::sigmoid) return 1.f / (1.f + __expf(-x));
  return x;
}

// Bias and activation of two neighbours in a row of C; pads become 0.
__device__ __forceinline__ float2 finish(const Gemm& g, float2 v, int column) {
  if (g.bias) {
    v.x += g.bias[column];
    v.y += g.bias[column + 1];
  }
  v.x = column < g.columns ? activate(v.x, g.activation) : 0.f;
  v.y = column + 1 < g.columns ? activate(v.y, g.activation) : 0.f;
  return v;
}

template <Layout L, int BM, int BN, int WM, int WN, int STAGES>
struct Kernel {
  static constexpr bool a_along = L != Layout::tn, b_along = L == Layout::nt;
  using TileA = Tile<a_along, BM>;
  using TileB = Tile<b_along, BN>;
  static constexpr int warps_n = BN / WN, warps = (BM / WM) * warps_n, threads = warps * 32;
  static constexpr int stage_floats = TileA::floats + TileB::floats;
  static constexpr int shared_bytes = STAGES * stage_floats * 4;
  static constexpr int MI = WM / 16, NI = WN / 8;

  // Fragments of one k-step of 8 for this warp.
  __device__ static void load_a(uint32_t (&f)[MI][4], const float* tile, int row, int kk, int lane) {
#pragma unroll
    for (int i = 0; i < MI; i++) {
      if constexpr (a_along) {
        load_matrix4(f[i], tile + TileA::along_k(row + i * 16 + (lane & 15), kk * 2 + (lane >> 4)));
      } else {
        const float* p = tile + (kk * 8 + (lane & 3)) * TileA::stride + row + i * 16 + (lane >> 2);
        f[i][0] = __float_as_uint(p[0]);
        f[i][1] = __float_as_uint(p[8]);
        f[i][2] = __float_as_uint(p[4 * TileA::stride]);
        f[i][3] = __float_as_uint(p[4 * TileA::stride + 8]);
      }
    }
  }

  __device__ static void load_b(uint32_t (&f)[NI][2], const float* tile, int column, int kk, int lane) {
#pragma unroll
    for (int j = 0; j < NI; j += 2) {
      if constexpr (b_along) {
        uint32_t r[4];
        load_matrix4(r, tile + TileB::along_k(column + j * 8 + (lane & 7) + (lane >> 4) * 8, kk * 2 + ((lane >> 3) & 1)));
        f[j][0] = r[0];
        f[j][1] = r[1];
        f[j + 1][0] = r[2];
        f[j + 1][1] = r[3];
      } else {
#pragma unroll
        for (int h = 0; h < 2; h++) {
          const float* p = tile + (kk * 8 + (lane & 3)) * TileB::stride + column + (j + h) * 8 + (lane >> 2);
          f[j + h][0] = __float_as_uint(p[0]);
          f[j + h][1] = __float_as_uint(p[4 * TileB::stride]);
        }
      }
    }
  }

  __device__ static void run(const Gemm& g) {
    extern __shared__ __align__(16) float shared[];
    const int thread = threadIdx.x, lane = thread & 31, warp = thread >> 5;
    const int m0 = blockIdx.y * BM, n0 = blockIdx.x * BN, split = blockIdx.z;
    const int wm = (warp / warps_n) * WM, wn = (warp % warps_n) * WN;
    const int per_split = (((g.k + g.splits - 1) / g.splits) + BK - 1) / BK * BK;
    const int k_begin = split * per_split, k_end = min(g.k, k_begin + per_split);
    const int steps = k_end > k_begin ? (k_end - k_begin + BK - 1) / BK : 0;

    float c[MI][NI][4] = {};
    float column_sum = 0;
    const bool sums = L == Layout::tn && g.column_sums != nullptr && blockIdx.x == 0;

    Loader<a_along, BM, threads> loader_a(g.a, g.lda, m0, g.m, k_begin, thread);
    Loader<b_along, BN, threads> loader_b(g.b, g.ldb, n0, g.n, k_begin, thread);
    const auto fill_a = [&](int step) {
      if (step < steps) loader_a.load(shared + (step % STAGES) * stage_floats, k_end);
    };
    const auto fill_b = [&](int step) {
      if (step < steps) loader_b.load(shared + (step % STAGES) * stage_floats + TileA::floats, k_end);
    };
    // Settled operands are on their way before the kernel before this one ends.
    const bool early = L != Layout::tn && g.b_settled;
    if (!early) wait_for_previous();
#pragma unroll
    for (int s = 0; s < STAGES - 1; s++) fill_b(s);
    if (early) wait_for_previous();
#pragma unroll
    for (int s = 0; s < STAGES - 1; s++) {
      fill_a(s);
      asm volatile("cp.async.commit_group;");
    }
    for (int step = 0; step < steps; step++) {
      asm volatile("cp.async.wait_group %0;" ::"n"(STAGES - 2));
      __syncthreads();
      fill_a(step + STAGES - 1);
      fill_b(step + STAGES - 1);
      asm volatile("cp.async.commit_group;");
      const float* a = shared + (step % STAGES) * stage_floats;
      const float* b = a + TileA::floats;
      if (sums && thread < BM) {
#pragma unroll 8
        for (int k = 0; k < BK; k++) column_sum += a[k * TileA::stride + thread];
      }
      // Fragments of the next k-step are on their way while this one is multiplied.
      uint32_t fa[2][MI][4], fb[2][NI][2];
      load_a(fa[0], a, wm, 0, lane);
      load_b(fb[0], b, wn, 0, lane);
#pragma unroll
      for (int kk = 0; kk < BK / 8; kk++) {
        if (kk + 1 < BK / 8) {
          load_a(fa[(kk + 1) % 2], a, wm, kk + 1, lane);
          load_b(fb[(kk + 1) % 2], b, wn, kk + 1, lane);
        }
#pragma unroll
        for (int i = 0; i < MI; i++)
#pragma unroll
          for (int j = 0; j < NI; j++) multiply(c[i][j], fa[kk % 2][i], fb[kk % 2][j]);
      }
    }
    if (sums && thread < BM && m0 + thread < g.m) g.column_sums[split * g.sums_stride + m0 + thread] = column_sum;
    write(g, c, m0 + wm + (lane >> 2), n0 + wn + 2 * (lane & 3), split);
  }

  __device__ static void write(const Gemm& g, const float (&c)[MI][NI][4], int row0, int column0, int split) {
    float* out = g.c + split * g.split_stride;
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
      for (int half = 0; half < 2; half++) {
        const int row = row0 + i * 16 + half * 8;
        if (row >= g.m) continue;
#pragma unroll
        for (int j = 0; j < NI; j++) {
          const int column = column0 + j * 8;
          if (column >= g.n) continue;
          float2 v = make_float2(c[i][j][2 * half], c[i][j][2 * half + 1]);
          if constexpr (L != Layout::tn) {
            if (g.columns > 0) v = finish(g, v, column);
          }
          float2* to = reinterpret_cast<float2*>(out + static_cast<int64_t>(row) * g.ldc + column);
          if constexpr (L != Layout::tn) {
            if (g.accumulate) v = make_float2(v.x + to->x, v.y + to->y);
          }
          if constexpr (L != Layout::tn) {
            if (g.mask) {
              const float2 y = *reinterpret_cast<const float2*>(g.mask + static_cast<int64_t>(row) * g.ldmask + column);
              v = make_float2(y.x > 0 ? v.x : 0.f, y.y > 0 ? v.y : 0.f);
            }
          }
          *to = v;
        }
      }
  }
};

template <Layout L, int BM, int BN, int WM, int WN, int STAGES>
__global__ void __launch_bounds__(Kernel<L, BM, BN, WM, WN, STAGES>::threads) tf32_kernel(const __grid_constant__ Gemm g) {
  Kernel<L, BM, BN, WM, WN, STAGES>::run(g);
}

}  // namespace fae::cuda::tiled
