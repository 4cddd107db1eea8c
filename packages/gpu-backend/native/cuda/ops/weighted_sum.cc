// c = sum_r y[r] H[r] per input; dy[r] = H[r] . dc, dH[r] = y[r] dc. Kernels: attention.cu.
#include "ops/op.h"
#include "ops/small_ops.h"

namespace fae::cuda {

namespace {

class WeightedSumNode final : public NodeOp {
 public:
  WeightedSumNode(const Network& network, const NodeSpec& node) : NodeOp(network, node) { check_operands(job(), node, 2); }

  void forward(Lanes& lanes, const AnyRows&) const override {
    weighted_sum(out().data.get(), in(0).data.get(), in(1).data.get(), sizes(), lanes.main());
  }

  void backward(Lanes& lanes, const AnyRows&) const override {
    const float* dc = out().gradient.get();
    if (wanted(0)) (adds(0) ? batch_dot_add : batch_dot)(in(0).gradient.get(), in(1).data.get(), dc, sizes(), lanes.main());
    if (wanted(1)) outer_product(in(1).gradient.get(), in(0).data.get(), dc, sizes(), adds(1), lanes.main());
  }

 private:
  Attention sizes() const { return {job().batch, in(0).last, out().last, in(0).ld, in(1).ld}; }
};

}  // namespace

extern const OpEntry weighted_sum_op = {"weighted-sum", make_op<WeightedSumNode>};

}  // namespace fae::cuda
