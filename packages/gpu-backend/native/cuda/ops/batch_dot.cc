// a[r] = H[r] . q per input; dH[r] = da[r] q, dq = sum_r da[r] H[r]. Kernels: attention.cu.
#include "ops/op.h"
#include "ops/small_ops.h"

namespace fae::cuda {

namespace {

class BatchDotNode final : public NodeOp {
 public:
  BatchDotNode(const Network& network, const NodeSpec& node) : NodeOp(network, node) { check_operands(job(), node, 2); }

  void forward(Lanes& lanes, const AnyRows&) const override {
    batch_dot(out().data.get(), in(0).data.get(), in(1).data.get(), sizes(), lanes.main());
  }

  void backward(Lanes& lanes, const AnyRows&) const override {
    const float* da = out().gradient.get();
    if (wanted(0)) outer_product(in(0).gradient.get(), da, in(1).data.get(), sizes(), adds(0), lanes.main());
    if (wanted(1)) (adds(1) ? weighted_sum_add : weighted_sum)(in(1).gradient.get(), da, in(0).data.get(), sizes(), lanes.main());
  }

 private:
  Attention sizes() const { return {job().batch, out().last, in(1).last, out().ld, in(0).ld}; }
};

}  // namespace

extern const OpEntry batch_dot_op = {"batch-dot", make_op<BatchDotNode>};

}  // namespace fae::cuda
