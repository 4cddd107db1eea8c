// Launchers of the matrix products by warpgroup instructions (wgmma_tf32.cuh). Compiled for compute capability 9.0 alone, which is the only
// one that has them: elsewhere `wgmma_suits` says no.
#include "gemm/gemm.h"
#include "gemm/lt_gemm.h"
#include "gemm/wgmma_tf32.cuh"
#include "support/check.h"

namespace fae::cuda {

// out [n, k] = in [k, n]', tiles of 32 x 32. Settled numbers are read before the kernel before this one ends.
__global__ void __launch_bounds__(256) transpose_kernel(float* out, int ld_out, const float* in, int ld_in, int k, int n, bool settled) {
  __shared__ float tile[32][33];
  const int k0 = blockIdx.y * 32, n0 = blockIdx.x * 32, x = threadIdx.x % 32, y = threadIdx.x / 32;
  if (!settled) wait_for_previous();
#pragma unroll
  for (int i = 0; i < 32; i += 8) {
    if (k0 + y + i < k && n0 + x < n) tile[y + i][x] = in[static_cast<int64_t>(k0 + y + i) * ld_in + n0 + x];
  }
  if (settled) wait_for_previous();
  __syncthreads();
#pragma unroll
  for (int i = 0; i < 32; i += 8) {
    if (n0 + y + i < n && k0 + x < k) out[static_cast<int64_t>(n0 + y + i) * ld_out + k0 + x] = tile[x][y + i];
  }
}

namespace {

template <int BN, int STAGES, int IN_FLIGHT, int BLOCKS>
struct Form {
  using W = tiled::Warpgroups<BN, STAGES, IN_FLIGHT>;
  static constexpr auto kernel = tiled::wgmma_kernel<BN, STAGES, IN_FLIGHT, BLOCKS>;
  static void prepare() { FAE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, W::shared_bytes)); }
  static void launch(const Gemm& g, cudaStream_t stream) {
    launch_overlapping(kernel, dim3(ceil_div(g.n, BN), ceil_div(g.m, W::BM)), W::threads, W::shared_bytes, stream, g);
  }
};

constexpr int widths[wgmma_shapes] = {128, 192, 256};
constexpr const char* names[wgmma_shapes] = {"128x128", "128x192", "128x256"};

template <class Do>
void with_shape(int shape, Do&& act) {
  switch (shape) {
    case 0: return act(Form<128, 3, 0, 2>{});
    case 1: return act(Form<192, 5, 1, 1>{});
    default: return act(Form<256, 4, 1, 1>{});
  }
}

bool has_wgmma() {
  static const bool has = [] {
    int device = 0, minor = 0;
    FAE_CUDA(cudaGetDevice(&device));
    FAE_CUDA(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
    int major = 0;
    FAE_CUDA(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    return major == 9 && minor == 0;
  }();
  return has;
}

}  // namespace

const char* wgmma_name(int shape) { return names[shape]; }

bool wgmma_suits(const Gemm& g, int shape) {
  if (g.layout == Layout::tn || !has_wgmma()) return false;
  if (g.layout == Layout::nn && static_cast<size_t>(g.n) * g.k * sizeof(float) > LtContext::workspace_bytes) return false;
  // Enough tiles for most of the chip, and not half of them for nothing.
  const unsigned columns = ceil_div(g.n, widths[shape]);
  return columns * ceil_div(g.m, 128) >= 96 && columns * widths[shape] * 2 < 3u * g.n;
}

void wgmma_gemm_prepare() {
  if (!has_wgmma()) return;
  for (int shape = 0; shape < wgmma_shapes; shape++) with_shape(shape, [](auto form) { form.prepare(); });
}

void wgmma_gemm(const Gemm& gemm, int shape, void* workspace, cudaStream_t stream) {
  Gemm g = gemm;
  if (g.layout == Layout::nn) {
    float* turned = static_cast<float*>(workspace);
    launch_overlapping(transpose_kernel, dim3(ceil_div(g.n, 32), ceil_div(g.k, 32)), 256, 0, stream, turned, g.k, g.b, g.ldb, g.k, g.n, g.b_settled);
    check_launch("transpose_kernel");
    g.layout = Layout::nt, g.b = turned, g.ldb = g.k, g.b_settled = false;
  }
  with_shape(shape, [&](auto form) { form.launch(g, stream); });
  check_launch("wgmma_gemm");
}

}  // namespace fae::cuda
