// Launchers of the matrix products for small grids (sliced_tf32.cuh): which of them suit a product, and their start.
#include "gemm/gemm.h"
#include "gemm/sliced_tf32.cuh"
#include "support/check.h"

namespace fae::cuda {

namespace {

template <Layout L, int BM, int BN, int WM, int WN, int GROUPS, int STAGES, int CLUSTER>
struct Slices {
  using S = tiled::Sliced<L, BM, BN, WM, WN, GROUPS, STAGES, CLUSTER>;
  static constexpr auto kernel = tiled::sliced_kernel<L, BM, BN, WM, WN, GROUPS, STAGES, CLUSTER>;
  static void prepare() { FAE_CUDA(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, S::most_shared_bytes)); }
  static void launch(const Gemm& g, cudaStream_t stream) {
    const dim3 grid(ceil_div(g.n, BN), ceil_div(g.m, BM), CLUSTER);
    launch_cluster(kernel, grid, CLUSTER, S::threads, S::shared_bytes(g.k), stream, g);
  }
};

struct Form {
  int m, n, groups, cluster;
  const char* name;
};
constexpr Form forms[sliced_shapes] = {{128, 128, 1, 1, "128x128/1"}, {64, 64, 2, 1, "64x64/1"}, {64, 64, 2, 2, "64x64/2"}, {32, 32, 4, 1, "32x32/1"}};

template <Layout L, class Do>
void with_shape(int shape, Do&& act) {
  switch (shape) {
    case 0: return act(Slices<L, 128, 128, 64, 32, 1, 4, 1>{});
    case 1: return act(Slices<L, 64, 64, 32, 32, 2, 4, 1>{});
    case 2: return act(Slices<L, 64, 64, 32, 32, 2, 4, 2>{});
    default: return act(Slices<L, 32, 32, 16, 16, 4, 4, 1>{});
  }
}

template <class Do>
void with_kernel(Layout layout, int shape, Do&& act) {
  if (layout == Layout::nt) return with_shape<Layout::nt>(shape, act);
  with_shape<Layout::nn>(shape, act);
}

}  // namespace

const char* sliced_name(int shape) { return forms[shape].name; }

bool sliced_suits(const Gemm& g, int shape) {
  if (g.layout == Layout::tn) return false;
  const Form& form = forms[shape];
  if ((form.m > 32 && form.m >= 2 * g.m) || (form.n > 32 && form.n >= 2 * g.n)) return false;
  const unsigned tiles = ceil_div(g.m, form.m) * ceil_div(g.n, form.n);
  // Small tiles of large outputs read everything too often; a block of few tiles is cut only while the chip has room and k is long enough.
  if (form.m < 128 && tiles > 1056) return false;
  return form.cluster == 1 || (has_clusters() && tiles * form.cluster / 2 <= 132 && form.cluster * form.groups * tiled::BK <= g.k + tiled::BK - 1);
}

void sliced_gemm_prepare() {
  for (int shape = 0; shape < sliced_shapes; shape++) {
    if (forms[shape].cluster > 1 && !has_clusters()) continue;
    for (const Layout layout : {Layout::nt, Layout::nn}) with_kernel(layout, shape, [](auto kernel) { kernel.prepare(); });
  }
}

void sliced_gemm(const Gemm& g, int shape, cudaStream_t stream) {
  with_kernel(g.layout, shape, [&](auto kernel) { kernel.launch(g, stream); });
  check_launch("sliced_gemm");
}

}  // namespace fae::cuda
