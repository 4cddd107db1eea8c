// y = a b, element by element; da = dy b, db = dy a. 16 bytes per thread; pads hold zeros and stay so. Bytes: both operands once
// and the result, which is read too when it is added to.
#include "ops/device_math.cuh"
#include "ops/op.h"
#include "support/check.h"
#include "support/launch.h"

namespace fae::cuda {

namespace {

__global__ void multiply_kernel(float* y, const float* a, const float* b, uint64_t chunks, bool add) {
  wait_for_previous();
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= chunks) return;
  const float4 u = load4(a + 4 * e), v = load4(b + 4 * e);
  const float4 product = make_float4(u.x * v.x, u.y * v.y, u.z * v.z, u.w * v.w);
  store4(y + 4 * e, add ? load4(y + 4 * e) + product : product);
}

class MultiplyNode final : public NodeOp {
 public:
  MultiplyNode(const Network& network, const NodeSpec& node) : NodeOp(network, node) {
    check_operands(job(), node, 2);
    check_same_shapes(job(), node);
  }

  void forward(Lanes& lanes, const AnyRows&) const override { run(out().data.get(), in(0).data.get(), in(1).data.get(), false, lanes.main()); }

  void backward(Lanes& lanes, const AnyRows&) const override {
    for (size_t i = 0; i < 2; i++) {
      if (wanted(i)) run(in(i).gradient.get(), out().gradient.get(), in(1 - i).data.get(), adds(i), lanes.main());
    }
  }

 private:
  void run(float* y, const float* a, const float* b, bool add, cudaStream_t stream) const {
    const uint64_t chunks = static_cast<uint64_t>(network_.vectors(node_.output)) * out().ld / 4;
    launch_overlapping(multiply_kernel, ceil_div(chunks, 256), 256, 0, stream, y, a, b, chunks, add);
    check_launch("multiply");
  }
};

}  // namespace

extern const OpEntry multiply_op = {"multiply", make_op<MultiplyNode>};

}  // namespace fae::cuda
