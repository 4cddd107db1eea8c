// Matrix product by Hopper's warpgroup instructions, TF32 operands and float32 sums: C [m, n] = A B' (gemm.h), layout nt.
//
// A block of two warpgroups computes 128 x BN of C, 64 rows each; k runs in steps of 32 through a ring of STAGES tiles. A row of a tile
// is 32 floats = 128 bytes, its 16-byte chunks swapped by `chunk ^ (row & 7)`: what `Loader` writes is what the instruction calls a
// 128-byte swizzle, so cp.async feeds it. Threads write by one proxy and the instruction reads by another: each thread fences its own
// copies before the barrier after which they are read. A tile is written again when every warp is known to be past its products:
// IN_FLIGHT steps of them may run on while the next is prepared. On the way out each warp turns its 16 rows in shared memory, so that
// masks, sums and C move in whole lines. Every sum runs over k in ascending order: results do not depend on timing.
// Bytes: A and B once per tile column/row, C (and the mask) once.
#pragma once

#include "gemm/tiled_tf32.cuh"

namespace fae::cuda::tiled {

// Where a tile of 128-byte rows lies: bits 0-13 address / 16, 32-45 bytes from 8 rows to the next 8 / 16, 62-63 swizzle of 128 bytes.
__device__ __forceinline__ uint64_t tile_descriptor(const float* tile) {
  return static_cast<uint64_t>((shared_address(tile) & 0x3ffff) >> 4) | 1ull << 16 | static_cast<uint64_t>(1024 >> 4) << 32 | 1ull << 62;
}

__device__ __forceinline__ void fence_registers() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void commit_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int PENDING>
__device__ __forceinline__ void wait_for_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory");
}

#define FAE_C8(i) "+f"(c[i]), "+f"(c[i + 1]), "+f"(c[i + 2]), "+f"(c[i + 3]), "+f"(c[i + 4]), "+f"(c[i + 5]), "+f"(c[i + 6]), "+f"(c[i + 7])
#define FAE_C32(i) FAE_C8(i), FAE_C8(i + 8), FAE_C8(i + 16), FAE_C8(i + 24)
#define FAE_R32 "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define FAE_R64 FAE_R32 ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define FAE_R96 FAE_R64 ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79,%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95"
#define FAE_R128 FAE_R96 ",%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111,%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"

// c (64 x 2N of a warpgroup, N floats a thread) += 8 k of A and B.
__device__ __forceinline__ void multiply(float (&c)[64], uint64_t a, uint64_t b) {
  asm volatile("{ .reg .pred add; setp.eq.u32 add, 0, 0; wgmma.mma_async.sync.aligned.m64n128k8.f32.tf32.tf32 {" FAE_R64 "}, %64, %65, add, 1, 1; }" : FAE_C32(0), FAE_C32(32) : "l"(a), "l"(b));
}
__device__ __forceinline__ void multiply(float (&c)[96], uint64_t a, uint64_t b) {
  asm volatile("{ .reg .pred add; setp.eq.u32 add, 0, 0; wgmma.mma_async.sync.aligned.m64n192k8.f32.tf32.tf32 {" FAE_R96 "}, %96, %97, add, 1, 1; }" : FAE_C32(0), FAE_C32(32), FAE_C32(64) : "l"(a), "l"(b));
}
__device__ __forceinline__ void multiply(float (&c)[128], uint64_t a, uint64_t b) {
  asm volatile("{ .reg .pred add; setp.eq.u32 add, 0, 0; wgmma.mma_async.sync.aligned.m64n256k8.f32.tf32.tf32 {" FAE_R128 "}, %128, %129, add, 1, 1; }"
               : FAE_C32(0), FAE_C32(32), FAE_C32(64), FAE_C32(96)
               : "l"(a), "l"(b));
}

#undef FAE_C8
#undef FAE_C32
#undef FAE_R32
#undef FAE_R64
#undef FAE_R96
#undef FAE_R128

template <int BN, int STAGES, int IN_FLIGHT>
struct Warpgroups {
  static constexpr int BM = 128, threads = 256, ahead = STAGES - 1 - IN_FLIGHT;
  using TileA = Tile<true, BM>;
  using TileB = Tile<true, BN>;
  static constexpr int stage_floats = TileA::floats + TileB::floats;
  // A row of a warp's results: 8 words more than BN, so that the rows of its fragments lie in different banks.
  static constexpr int line = BN + 8;
  // Swizzles count from addresses that are multiples of 1024.
  static constexpr int shared_bytes = STAGES * stage_floats * 4 + 1024;
  static_assert(ahead >= 1 && (threads / 32) * 16 * line <= STAGES * stage_floats);

  __device__ static void run(const Gemm& g) {
    extern __shared__ __align__(16) uint8_t raw[];
    float* ring = reinterpret_cast<float*>(raw + ((1024 - (shared_address(raw) & 1023)) & 1023));
    const int thread = threadIdx.x, m0 = blockIdx.y * BM, n0 = blockIdx.x * BN, rows = (thread / 128) * 64;
    const int steps = (g.k + BK - 1) / BK;

    float c[BN / 2];
#pragma unroll
    for (int i = 0; i < BN / 2; i++) c[i] = 0.f;
    Loader<true, BM, threads> loader_a(g.a, g.lda, m0, g.m, 0, thread);
    Loader<true, BN, threads> loader_b(g.b, g.ldb, n0, g.n, 0, thread);
    if (!g.b_settled) wait_for_previous();
#pragma unroll
    for (int s = 0; s < ahead; s++) {
      if (s < steps) loader_b.load(ring + s * stage_floats + TileA::floats, g.k);
    }
    if (g.b_settled) wait_for_previous();
#pragma unroll
    for (int s = 0; s < ahead; s++) {
      if (s < steps) loader_a.load(ring + s * stage_floats, g.k);
      asm volatile("cp.async.commit_group;" ::: "memory");
    }
    if (g.mask) fetch_mask(g, m0, n0);

    int slot = 0, next = ahead;
    for (int step = 0; step < steps; step++) {
      asm volatile("cp.async.wait_group %0;" ::"n"(ahead - 1) : "memory");
      asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
      __syncthreads();
      const float* tile = ring + slot * stage_floats;
      const uint64_t a = tile_descriptor(tile + rows * BK), b = tile_descriptor(tile + TileA::floats);
      fence_registers();
#pragma unroll
      for (int kk = 0; kk < BK / 8; kk++) multiply(c, a + kk * 2, b + kk * 2);
      commit_products();
      if (step + ahead < steps) {
        loader_a.load(ring + next * stage_floats, g.k);
        loader_b.load(ring + next * stage_floats + TileA::floats, g.k);
      }
      asm volatile("cp.async.commit_group;" ::: "memory");
      wait_for_products<IN_FLIGHT>();
      slot = slot + 1 == STAGES ? 0 : slot + 1;
      next = next + 1 == STAGES ? 0 : next + 1;
    }
    wait_for_products<0>();
    // Results exist from here on: nothing that reads them may move up.
#pragma unroll
    for (int i = 0; i < BN / 2; i++) asm volatile("" : "+f"(c[i])::"memory");
    // The ring is done with: results take its place.
    __syncthreads();
    const int warp = thread >> 5, lane = thread & 31;
    float* results = ring + warp * 16 * line;
#pragma unroll
    for (int j = 0; j < BN / 8; j++)
#pragma unroll
      for (int half = 0; half < 2; half++) {
        float* to = results + ((lane >> 2) + half * 8) * line + j * 8 + 2 * (lane & 3);
        *reinterpret_cast<float2*>(to) = make_float2(c[4 * j + 2 * half], c[4 * j + 2 * half + 1]);
      }
    __syncwarp();
    write(g, results, m0 + warp * 16, n0, lane);
  }

  // The mask's lines are on their way to the L2 cache while products run.
  __device__ static void fetch_mask(const Gemm& g, int m0, int n0) {
    constexpr int per_row = BN / 32;
#pragma unroll
    for (int i = 0; i < BM * per_row / threads; i++) {
      const int at = threadIdx.x + i * threads, row = m0 + at / per_row, column = n0 + at % per_row * 32;
      if (row < g.m && column < g.n) asm volatile("prefetch.global.L2 [%0];" ::"l"(g.mask + static_cast<int64_t>(row) * g.ldmask + column));
    }
  }

  // 16 rows of a warp: what is done to C on the way out, 8 chunks of 16 bytes per lane at a time.
  __device__ static void write(const Gemm& g, const float* results, int row0, int n0, int lane) {
    constexpr int per_row = BN / 4, chunks = 16 * per_row / 32, batch = 8;
    static_assert(chunks % batch == 0);
    for (int first = 0; first < chunks; first += batch) {
      float4 mask[batch], old[batch];
#pragma unroll
      for (int i = 0; i < batch; i++) {
        const int at = lane + (first + i) * 32, row = row0 + at / per_row, column = n0 + at % per_row * 4;
        const bool inside = row < g.m && column < g.n;
        mask[i] = make_float4(1.f, 1.f, 1.f, 1.f);
        old[i] = make_float4(0.f, 0.f, 0.f, 0.f);
        if (g.mask && inside) mask[i] = *reinterpret_cast<const float4*>(g.mask + static_cast<int64_t>(row) * g.ldmask + column);
        if (g.accumulate && inside) old[i] = *reinterpret_cast<const float4*>(g.c + static_cast<int64_t>(row) * g.ldc + column);
      }
#pragma unroll
      for (int i = 0; i < batch; i++) {
        const int at = lane + (first + i) * 32, row = row0 + at / per_row, column_in_tile = at % per_row * 4, column = n0 + column_in_tile;
        if (row >= g.m || column >= g.n) continue;
        float4 v = *reinterpret_cast<const float4*>(results + (at / per_row) * line + column_in_tile);
        if (g.columns > 0) {
          const float2 low = finish(g, make_float2(v.x, v.y), column), high = finish(g, make_float2(v.z, v.w), column + 2);
          v = make_float4(low.x, low.y, high.x, high.y);
        }
        if (g.accumulate) v = make_float4(v.x + old[i].x, v.y + old[i].y, v.z + old[i].z, v.w + old[i].w);
        v = make_float4(mask[i].x > 0 ? v.x : 0.f, mask[i].y > 0 ? v.y : 0.f, mask[i].z > 0 ? v.z : 0.f, mask[i].w > 0 ? v.w : 0.f);
        *reinterpret_cast<float4*>(g.c + static_cast<int64_t>(row) * g.ldc + column) = v;
      }
    }
  }
};

template <int BN, int STAGES, int IN_FLIGHT, int BLOCKS>
__global__ void __launch_bounds__(256, BLOCKS) wgmma_kernel(const __grid_constant__ Gemm g) {
  Warpgroups<BN, STAGES, IN_FLIGHT>::run(g);
}

}  // namespace fae::cuda::tiled
