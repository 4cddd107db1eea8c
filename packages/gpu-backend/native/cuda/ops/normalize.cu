// normalize: y = x / max(|x|, epsilon) per row of k values; dx = (g - y (g . y)) / |x| where |x| > epsilon, else g / epsilon.
// A thread per row (k is small: 15 in TBSM); rows are read whole by neighbouring threads, so caches serve them. Pads stay zero.
#include "ops/device_math.cuh"
#include "ops/op.h"
#include "support/check.h"
#include "support/launch.h"

namespace fae::cuda {

namespace {

__global__ void forward_kernel(float* y, const float* x, uint32_t rows, uint32_t k, uint32_t ld, float epsilon) {
  wait_for_previous();
  const uint32_t r = blockIdx.x * blockDim.x + threadIdx.x;
  if (r >= rows) return;
  const float* from = x + static_cast<uint64_t>(r) * ld;
  float square = 0;
  for (uint32_t i = 0; i < k; i++) square = fmaf(from[i], from[i], square);
  const float length = fmaxf(sqrtf(square), epsilon);
  for (uint32_t i = 0; i < k; i++) y[static_cast<uint64_t>(r) * ld + i] = from[i] / length;
}

__global__ void backward_kernel(float* dx, const float* g, const float* x, const float* y, uint32_t rows, uint32_t k, uint32_t ld, float epsilon,
                                bool add) {
  wait_for_previous();
  const uint32_t r = blockIdx.x * blockDim.x + threadIdx.x;
  if (r >= rows) return;
  const uint64_t at = static_cast<uint64_t>(r) * ld;
  float square = 0, along = 0;
  for (uint32_t i = 0; i < k; i++) {
    square = fmaf(x[at + i], x[at + i], square);
    along = fmaf(g[at + i], y[at + i], along);
  }
  const float length = sqrtf(square);
  for (uint32_t i = 0; i < k; i++) {
    const float value = length > epsilon ? (g[at + i] - y[at + i] * along) / length : g[at + i] / epsilon;
    dx[at + i] = add ? dx[at + i] + value : value;
  }
}

class NormalizeNode final : public NodeOp {
 public:
  NormalizeNode(const Network& network, const NodeSpec& node) : NodeOp(network, node), epsilon_(static_cast<float>(node.attributes.at("epsilon").number())) {
    check_operands(job(), node, 1);
  }

  void forward(Lanes& lanes, const AnyRows&) const override {
    const uint32_t rows = network_.vectors(node_.output);
    launch_overlapping(forward_kernel, ceil_div(rows, 128), 128, 0, lanes.main(), out().data.get(), in(0).data.get(), rows, in(0).last, in(0).ld, epsilon_);
    check_launch("normalize_forward");
  }

  void backward(Lanes& lanes, const AnyRows&) const override {
    if (!wanted(0)) return;
    const uint32_t rows = network_.vectors(node_.output);
    launch_overlapping(backward_kernel, ceil_div(rows, 128), 128, 0, lanes.main(), in(0).gradient.get(), out().gradient.get(), in(0).data.get(),
                       out().data.get(), rows, in(0).last, in(0).ld, epsilon_, adds(0));
    check_launch("normalize_backward");
  }

 private:
  const float epsilon_;
};

}  // namespace

extern const OpEntry normalize_op = {"normalize", make_op<NormalizeNode>};

}  // namespace fae::cuda
