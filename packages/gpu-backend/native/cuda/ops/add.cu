// y = sum_i scale_i x_i, element by element, one input after the other in order; dx_i = scale_i dy. 16 bytes per thread; pads hold
// zeros and stay so. Bytes: forward each input once, and the sum once more for each input but the first.
#include "ops/device_math.cuh"
#include "ops/op.h"
#include "support/check.h"
#include "support/launch.h"

namespace fae::cuda {

namespace {

__global__ void add_scaled_kernel(float* y, const float* x, float scale, uint64_t chunks, bool add) {
  wait_for_previous();
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= chunks) return;
  const float4 v = load4(x + 4 * e);
  store4(y + 4 * e, add ? fma4(scale, v, load4(y + 4 * e)) : scale * v);
}

// The usual case in one pass.
__global__ void add_two_kernel(float* y, const float* a, const float* b, float scale_a, float scale_b, uint64_t chunks) {
  wait_for_previous();
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= chunks) return;
  store4(y + 4 * e, fma4(scale_b, load4(b + 4 * e), scale_a * load4(a + 4 * e)));
}

class AddNode final : public NodeOp {
 public:
  AddNode(const Network& network, const NodeSpec& node) : NodeOp(network, node) {
    for (const Json& scale : node.attributes.at("scales").array()) scales_.push_back(static_cast<float>(scale.number()));
    if (scales_.empty()) wrong_node(job(), node, "at least one input", "none");
    check_operands(job(), node, scales_.size());
    check_same_shapes(job(), node);
  }

  void forward(Lanes& lanes, const AnyRows&) const override {
    float* y = out().data.get();
    size_t done = 0;
    if (scales_.size() > 1) {
      launch_overlapping(add_two_kernel, ceil_div(chunks(), 256), 256, 0, lanes.main(), y, in(0).data.get(), in(1).data.get(), scales_[0], scales_[1], chunks());
      check_launch("add");
      done = 2;
    }
    for (size_t i = done; i < scales_.size(); i++) run(y, in(i).data.get(), i, i > 0, lanes.main());
  }

  void backward(Lanes& lanes, const AnyRows&) const override {
    for (size_t i = 0; i < scales_.size(); i++) {
      if (wanted(i)) run(in(i).gradient.get(), out().gradient.get(), i, adds(i), lanes.main());
    }
  }

 private:
  uint64_t chunks() const { return static_cast<uint64_t>(network_.vectors(node_.output)) * out().ld / 4; }

  void run(float* y, const float* x, size_t input, bool add, cudaStream_t stream) const {
    launch_overlapping(add_scaled_kernel, ceil_div(chunks(), 256), 256, 0, stream, y, x, scales_[input], chunks(), add);
    check_launch("add");
  }

  std::vector<float> scales_;
};

}  // namespace

extern const OpEntry add_op = {"add", make_op<AddNode>};

}  // namespace fae::cuda
