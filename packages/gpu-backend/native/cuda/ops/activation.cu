// y = relu(x) or sigmoid(x), element by element; dx = dy act'(y). 16 bytes per thread; pads are written as zeros. Bytes: x and y
// once each, back dy, y and dx, which is read too when it is added to.
#include "ops/device_math.cuh"
#include "ops/op.h"
#include "support/check.h"
#include "support/launch.h"

namespace fae::cuda {

namespace {

__device__ __forceinline__ float activated(float x, bool relu) { return relu ? (x < 0.f ? 0.f : x) : 1.f / (1.f + expf(-x)); }
__device__ __forceinline__ float slope(float y, bool relu) { return relu ? (y > 0.f ? 1.f : 0.f) : y * (1.f - y); }

__global__ void forward_kernel(float* y, const float* x, uint64_t chunks, uint32_t columns, uint32_t ld, bool relu) {
  wait_for_previous();
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= chunks) return;
  const uint32_t c = static_cast<uint32_t>(4 * e % ld);
  const float4 v = load4(x + 4 * e);
  store4(y + 4 * e, make_float4(c < columns ? activated(v.x, relu) : 0.f, c + 1 < columns ? activated(v.y, relu) : 0.f,
                                c + 2 < columns ? activated(v.z, relu) : 0.f, c + 3 < columns ? activated(v.w, relu) : 0.f));
}

__global__ void backward_kernel(float* dx, const float* dy, const float* y, uint64_t chunks, bool relu, bool add) {
  wait_for_previous();
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= chunks) return;
  const float4 v = load4(y + 4 * e), d = load4(dy + 4 * e);
  const float4 g = make_float4(d.x * slope(v.x, relu), d.y * slope(v.y, relu), d.z * slope(v.z, relu), d.w * slope(v.w, relu));
  store4(dx + 4 * e, add ? load4(dx + 4 * e) + g : g);
}

class ActivationNode final : public NodeOp {
 public:
  ActivationNode(const Network& network, const NodeSpec& node) : NodeOp(network, node) {
    static constexpr const char* names[] = {"sigmoid", "relu"};
    relu_ = choice<bool>(node.attributes.at("kind"), names, "activation");
    check_operands(job(), node, 1);
    check_same_shapes(job(), node);
  }

  void forward(Lanes& lanes, const AnyRows&) const override {
    launch_overlapping(forward_kernel, ceil_div(chunks(), 256), 256, 0, lanes.main(), out().data.get(), in(0).data.get(), chunks(), out().last, out().ld, relu_);
    check_launch("activation");
  }

  void backward(Lanes& lanes, const AnyRows&) const override {
    if (!wanted(0)) return;
    launch_overlapping(backward_kernel, ceil_div(chunks(), 256), 256, 0, lanes.main(), in(0).gradient.get(), out().gradient.get(), out().data.get(), chunks(),
                       relu_, adds(0));
    check_launch("activation gradient");
  }

 private:
  uint64_t chunks() const { return static_cast<uint64_t>(network_.vectors(node_.output)) * out().ld / 4; }

  bool relu_ = false;
};

}  // namespace

extern const OpEntry activation_op = {"activation", make_op<ActivationNode>};

}  // namespace fae::cuda
