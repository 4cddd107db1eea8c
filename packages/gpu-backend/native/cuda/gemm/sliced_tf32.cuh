// Matrix product for small grids, TF32 operands and float32 sums: C [m, n] = A B (gemm.h), layouts nt and nn.
//
// A block of BM x BN has GROUPS groups of warps, and CLUSTER blocks share one piece of C: each group takes a slice of k of its own
// through a ring of its own, with barriers of its own, so that a block waits for memory less often and few blocks still keep the chip
// busy. At the end every group leaves its sums in shared memory, and block r of a cluster adds up rows r * BM / CLUSTER and on, slice by
// slice in ascending order, over distributed shared memory: results do not depend on timing. B, when it is settled (gemm.h), is on its
// way before the kernel before this one ends. Bytes: A and B once per tile column/row, C once.
#pragma once

#include "gemm/tiled_tf32.cuh"

namespace fae::cuda::tiled {

// Everything written to shared memory before it is seen by all blocks of the cluster after it.
template <int CLUSTER>
__device__ __forceinline__ void cluster_barrier() {
#if __CUDA_ARCH__ >= 900
  if constexpr (CLUSTER > 1) {
    asm volatile("barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;" ::: "memory");
    return;
  }
#endif
  __syncthreads();
}

// 16 bytes from the place of `p` in the shared memory of block `rank` of the cluster.
template <int CLUSTER>
__device__ __forceinline__ float4 load_of_rank(const float* p, int rank) {
#if __CUDA_ARCH__ >= 900
  if constexpr (CLUSTER > 1) {
    uint32_t at;
    float4 v;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(at) : "r"(shared_address(p)), "r"(rank));
    asm volatile("ld.shared::cluster.v4.f32 {%0,%1,%2,%3}, [%4];" : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "r"(at) : "memory");
    return v;
  }
#endif
  return *reinterpret_cast<const float4*>(p);
}

template <Layout L, int BM, int BN, int WM, int WN, int GROUPS, int STAGES, int CLUSTER>
struct Sliced {
  static_assert(L != Layout::tn && BM % CLUSTER == 0);
  using K = Kernel<L, BM, BN, WM, WN, STAGES>;
  static constexpr int group_threads = K::threads, threads = GROUPS * group_threads, parts = CLUSTER * GROUPS;
  // Rows of sums: 8 words more than BN, so that the rows of a warp's fragments lie in different banks.
  static constexpr int sums_stride = BN + 8, sums_floats = GROUPS * BM * sums_stride;

  // k values of one slice, and how many tiles of it are in shared memory at once.
  __host__ __device__ static int slice(int k) { return ((k + parts - 1) / parts + BK - 1) / BK * BK; }
  __host__ __device__ static int slots(int k) { return slice(k) / BK < STAGES ? slice(k) / BK : STAGES; }
  static int shared_bytes(int k) {
    const int ring = GROUPS * slots(k) * K::stage_floats;
    return 4 * (ring > sums_floats ? ring : sums_floats);
  }
  static constexpr int most_shared_bytes = 4 * (GROUPS * STAGES * K::stage_floats > sums_floats ? GROUPS * STAGES * K::stage_floats : sums_floats);

  __device__ static void group_barrier(int group) { asm volatile("bar.sync %0, %1;" ::"r"(group + 1), "n"(group_threads) : "memory"); }

  __device__ static void run(const Gemm& g) {
    extern __shared__ __align__(16) float shared[];
    const int group = threadIdx.x / group_threads, thread = threadIdx.x % group_threads, lane = thread & 31, warp = thread >> 5;
    const int m0 = blockIdx.y * BM, n0 = blockIdx.x * BN, rank = blockIdx.z;
    const int wm = (warp / K::warps_n) * WM, wn = (warp % K::warps_n) * WN;
    const int k_begin = (rank * GROUPS + group) * slice(g.k), k_end = min(g.k, k_begin + slice(g.k));
    // Of this group, and of the longest slice: all groups pass the same barriers, as many as that one needs.
    const int steps = k_end > k_begin ? (k_end - k_begin + BK - 1) / BK : 0, most_steps = slice(g.k) / BK, ring_slots = slots(g.k);
    float* ring = shared + group * ring_slots * K::stage_floats;

    float c[K::MI][K::NI][4] = {};
    {
      Loader<K::a_along, BM, group_threads> loader_a(g.a, g.lda, m0, g.m, k_begin, thread);
      Loader<K::b_along, BN, group_threads> loader_b(g.b, g.ldb, n0, g.n, k_begin, thread);
      if (!g.b_settled) wait_for_previous();
#pragma unroll
      for (int s = 0; s < STAGES; s++) {
        if (s < steps) loader_b.load(ring + s * K::stage_floats + K::TileA::floats, k_end);
      }
      if (g.b_settled) wait_for_previous();
#pragma unroll
      for (int s = 0; s < STAGES; s++) {
        if (s < steps) loader_a.load(ring + s * K::stage_floats, k_end);
        asm volatile("cp.async.commit_group;" ::: "memory");
      }
      int slot = 0;
      for (int step = 0; step < most_steps; step++) {
        asm volatile("cp.async.wait_group %0;" ::"n"(STAGES - 1) : "memory");
        group_barrier(group);
        float* a = ring + slot * K::stage_floats;
        if (step < steps) multiply_tile(c, a, a + K::TileA::floats, wm, wn, lane);
        if (step + STAGES < most_steps) group_barrier(group);
        if (step + STAGES < steps) {
          loader_a.load(a, k_end);
          loader_b.load(a + K::TileA::floats, k_end);
        }
        asm volatile("cp.async.commit_group;" ::: "memory");
        slot = slot + 1 == ring_slots ? 0 : slot + 1;
      }
    }
    // The rings are done with: sums take their place.
    __syncthreads();
    store_sums(shared + group * BM * sums_stride, c, wm, wn, lane);
    add_up(g, shared, m0, n0, rank);
  }

  __device__ static void multiply_tile(float (&c)[K::MI][K::NI][4], const float* a, const float* b, int wm, int wn, int lane) {
    uint32_t fa[2][K::MI][4], fb[2][K::NI][2];
    K::load_a(fa[0], a, wm, 0, lane);
    K::load_b(fb[0], b, wn, 0, lane);
#pragma unroll
    for (int kk = 0; kk < BK / 8; kk++) {
      if (kk + 1 < BK / 8) {
        K::load_a(fa[(kk + 1) % 2], a, wm, kk + 1, lane);
        K::load_b(fb[(kk + 1) % 2], b, wn, kk + 1, lane);
      }
#pragma unroll
      for (int i = 0; i < K::MI; i++)
#pragma unroll
        for (int j = 0; j < K::NI; j++) multiply(c[i][j], fa[kk % 2][i], fb[kk % 2][j]);
    }
  }

  __device__ static void store_sums(float* sums, const float (&c)[K::MI][K::NI][4], int wm, int wn, int lane) {
#pragma unroll
    for (int i = 0; i < K::MI; i++)
#pragma unroll
      for (int half = 0; half < 2; half++)
#pragma unroll
        for (int j = 0; j < K::NI; j++) {
          float* to = sums + (wm + i * 16 + half * 8 + (lane >> 2)) * sums_stride + wn + j * 8 + 2 * (lane & 3);
          *reinterpret_cast<float2*>(to) = make_float2(c[i][j][2 * half], c[i][j][2 * half + 1]);
        }
  }

  // This block's share of the rows: sums of all slices, then what is done to C on the way out.
  __device__ static void add_up(const Gemm& g, const float* sums, int m0, int n0, int rank) {
    constexpr int rows = BM / CLUSTER, line = BN / 4, chunks = rows * line, each = (chunks + threads - 1) / threads;
    const auto row_of = [&](int i) { return rank * rows + (static_cast<int>(threadIdx.x) + i * threads) / line; };
    const int column_in_tile = (threadIdx.x % line) * 4, column = n0 + column_in_tile;
    static_assert(threads % line == 0);
    const auto mine = [&](int i) { return static_cast<int>(threadIdx.x) + i * threads < chunks && m0 + row_of(i) < g.m && column < g.n; };
    // On their way while the other blocks finish.
    float4 mask[each], old[each];
#pragma unroll
    for (int i = 0; i < each; i++) {
      const int64_t row = m0 + row_of(i);
      mask[i] = make_float4(1.f, 1.f, 1.f, 1.f);
      old[i] = make_float4(0.f, 0.f, 0.f, 0.f);
      if (g.mask && mine(i)) mask[i] = *reinterpret_cast<const float4*>(g.mask + row * g.ldmask + column);
      if (g.accumulate && mine(i)) old[i] = *reinterpret_cast<const float4*>(g.c + row * g.ldc + column);
    }
    cluster_barrier<CLUSTER>();
#pragma unroll
    for (int i = 0; i < each; i++) {
      if (!mine(i)) continue;
      float4 part[parts];
#pragma unroll
      for (int p = 0; p < parts; p++) {
        part[p] = load_of_rank<CLUSTER>(sums + ((p % GROUPS) * BM + row_of(i)) * sums_stride + column_in_tile, p / GROUPS);
      }
      float2 low = make_float2(part[0].x, part[0].y), high = make_float2(part[0].z, part[0].w);
#pragma unroll
      for (int p = 1; p < parts; p++) {
        low = make_float2(low.x + part[p].x, low.y + part[p].y);
        high = make_float2(high.x + part[p].z, high.y + part[p].w);
      }
      if (g.columns > 0) {
        low = finish(g, low, column);
        high = finish(g, high, column + 2);
      }
      float4 v = make_float4(low.x, low.y, high.x, high.y);
      if (g.accumulate) v = make_float4(v.x + old[i].x, v.y + old[i].y, v.z + old[i].z, v.w + old[i].w);
      v = make_float4(mask[i].x > 0 ? v.x : 0.f, mask[i].y > 0 ? v.y : 0.f, mask[i].z > 0 ? v.z : 0.f, mask[i].w > 0 ? v.w : 0.f);
      *reinterpret_cast<float4*>(g.c + static_cast<int64_t>(m0 + row_of(i)) * g.ldc + column) = v;
    }
    // A block's memory stays until the others have read it.
    if constexpr (CLUSTER > 1) cluster_barrier<CLUSTER>();
  }
};

template <Layout L, int BM, int BN, int WM, int WN, int GROUPS, int STAGES, int CLUSTER>
__global__ void __launch_bounds__(Sliced<L, BM, BN, WM, WN, GROUPS, STAGES, CLUSTER>::threads) sliced_kernel(const __grid_constant__ Gemm g) {
  Sliced<L, BM, BN, WM, WN, GROUPS, STAGES, CLUSTER>::run(g);
}

}  // namespace fae::cuda::tiled
