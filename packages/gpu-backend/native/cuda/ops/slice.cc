// Steps [from, to) of the first axis: block copies, forward and back.
#include "ops/op.h"
#include "ops/small_ops.h"

namespace fae::cuda {

namespace {

class SliceNode final : public NodeOp {
 public:
  SliceNode(const Network& network, const NodeSpec& node)
      : NodeOp(network, node), from_(node.attributes.at("from").u32()), to_(node.attributes.at("to").u32()) {
    check_operands(job(), node, 1);
    const auto& x = shape(node.inputs[0]);
    if (x.empty() || from_ >= to_ || to_ > x[0]) {
      wrong_node(job(), node, "steps within its input", std::to_string(from_) + " to " + std::to_string(to_));
    }
  }

  void forward(Lanes& lanes, const AnyRows&) const override {
    block_copy({out().data.get(), out().last, out().ld, out().vectors, 0}, {in(0).data.get(), in(0).last, in(0).ld, in(0).vectors, from_ * part()},
               job().batch, (to_ - from_) * part(), BlockMode::copy, lanes.main());
  }

  void backward(Lanes& lanes, const AnyRows&) const override {
    if (!wanted(0)) return;
    block_copy({in(0).gradient.get(), in(0).last, in(0).ld, in(0).vectors, from_ * part()},
               {out().gradient.get(), out().last, out().ld, out().vectors, 0}, job().batch, (to_ - from_) * part(),
               adds(0) ? BlockMode::add : BlockMode::copy_rest0, lanes.main());
  }

 private:
  // Elements of one step.
  uint32_t part() const { return in(0).vectors * in(0).last / static_cast<uint32_t>(shape(node_.inputs[0])[0]); }

  const uint32_t from_, to_;
};

}  // namespace

extern const OpEntry slice_op = {"slice", make_op<SliceNode>};

}  // namespace fae::cuda
