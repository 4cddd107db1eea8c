// y[o, i] = sum_n x[o, n, i] over one axis; dx[o, n, i] = dy[o, i]. Sums run in index order in one thread: of 4 neighbouring
// columns, or along the last axis of one vector, 4 of its values at a time (pads add zeros). Bytes: x once.
#include "ops/device_math.cuh"
#include "ops/op.h"
#include "support/check.h"
#include "support/launch.h"

namespace fae::cuda {

namespace {

// Not along the last axis: x [outer][count][inner] vectors of `ld`, y [outer][inner].
struct Middle {
  uint32_t outer, count, inner, ld;
};

__global__ void middle_kernel(float* y, const float* x, const Middle s) {
  wait_for_previous();
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  const uint32_t chunks = s.ld / 4;
  if (e >= static_cast<uint64_t>(s.outer) * s.inner * chunks) return;
  const uint64_t vector = e / chunks, o = vector / s.inner, i = vector % s.inner;
  const uint32_t c = 4 * static_cast<uint32_t>(e % chunks);
  float4 sum = zero4();
  for (uint32_t n = 0; n < s.count; n++) sum = sum + load4(x + ((o * s.count + n) * s.inner + i) * s.ld + c);
  store4(y + vector * s.ld + c, sum);
}

__global__ void middle_backward_kernel(float* dx, const float* dy, const Middle s, bool add) {
  wait_for_previous();
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  const uint32_t chunks = s.ld / 4;
  if (e >= static_cast<uint64_t>(s.outer) * s.count * s.inner * chunks) return;
  const uint64_t vector = e / chunks, o = vector / (static_cast<uint64_t>(s.count) * s.inner), i = vector % s.inner;
  const uint32_t c = 4 * static_cast<uint32_t>(e % chunks);
  const float4 g = load4(dy + (o * s.inner + i) * s.ld + c);
  float* to = dx + vector * s.ld + c;
  store4(to, add ? load4(to) + g : g);
}

// Along the last axis: x `vectors` vectors of `count` values, `ld` apart; y as many values, rows of `y_last`, `y_ld` apart.
struct Last {
  uint32_t vectors, count, ld, y_last, y_ld;
};

__global__ void last_kernel(float* y, const float* x, const Last s) {
  wait_for_previous();
  const uint64_t v = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (v >= s.vectors) return;
  float4 sum = zero4();
  for (uint32_t c = 0; c < s.ld; c += 4) sum = sum + load4(x + v * s.ld + c);
  y[v / s.y_last * s.y_ld + v % s.y_last] = (sum.x + sum.y) + (sum.z + sum.w);
}

__global__ void last_backward_kernel(float* dx, const float* dy, const Last s, bool add) {
  wait_for_previous();
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  const uint32_t chunks = s.ld / 4;
  if (e >= static_cast<uint64_t>(s.vectors) * chunks) return;
  const uint64_t v = e / chunks;
  const uint32_t c = 4 * static_cast<uint32_t>(e % chunks);
  const float g = dy[v / s.y_last * s.y_ld + v % s.y_last];
  const float4 spread = make_float4(g, c + 1 < s.count ? g : 0.f, c + 2 < s.count ? g : 0.f, c + 3 < s.count ? g : 0.f);
  float* to = dx + v * s.ld + c;
  store4(to, add ? load4(to) + spread : spread);
}

class ReduceSumNode final : public NodeOp {
 public:
  ReduceSumNode(const Network& network, const NodeSpec& node) : NodeOp(network, node), axis_(node.attributes.at("axis").u32()) {
    check_operands(job(), node, 1);
    const auto& sizes = shape(node.inputs[0]);
    if (axis_ >= sizes.size() || sizes[axis_] == 0) wrong_node(job(), node, "an axis of its input", std::to_string(axis_));
  }

  void forward(Lanes& lanes, const AnyRows&) const override {
    float* y = out().data.get();
    const float* x = in(0).data.get();
    if (is_last()) {
      launch_overlapping(last_kernel, ceil_div(last().vectors, 128), 128, 0, lanes.main(), y, x, last());
    } else {
      const uint64_t threads = static_cast<uint64_t>(middle().outer) * middle().inner * middle().ld / 4;
      launch_overlapping(middle_kernel, ceil_div(threads, 256), 256, 0, lanes.main(), y, x, middle());
    }
    check_launch("reduce-sum");
  }

  void backward(Lanes& lanes, const AnyRows&) const override {
    if (!wanted(0)) return;
    float* dx = in(0).gradient.get();
    const float* dy = out().gradient.get();
    const unsigned blocks = ceil_div(static_cast<uint64_t>(network_.vectors(node_.inputs[0])) * in(0).ld / 4, 256);
    if (is_last()) launch_overlapping(last_backward_kernel, blocks, 256, 0, lanes.main(), dx, dy, last(), adds(0));
    else launch_overlapping(middle_backward_kernel, blocks, 256, 0, lanes.main(), dx, dy, middle(), adds(0));
    check_launch("reduce-sum gradient");
  }

 private:
  const std::vector<uint64_t>& sizes() const { return shape(node_.inputs[0]); }
  bool is_last() const { return axis_ + 1 == sizes().size(); }
  Last last() const { return {network_.vectors(node_.inputs[0]), in(0).last, in(0).ld, out().last, out().ld}; }
  Middle middle() const {
    Middle s{job().batch, static_cast<uint32_t>(sizes()[axis_]), 1, in(0).ld};
    for (uint32_t a = 0; a < axis_; a++) s.outer *= static_cast<uint32_t>(sizes()[a]);
    for (size_t a = axis_ + 1; a + 1 < sizes().size(); a++) s.inner *= static_cast<uint32_t>(sizes()[a]);
    return s;
  }

  const uint32_t axis_;
};

}  // namespace

extern const OpEntry reduce_sum_op = {"reduce-sum", make_op<ReduceSumNode>};

}  // namespace fae::cuda
