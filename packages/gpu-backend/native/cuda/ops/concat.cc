// Inputs put side by side behind the first `keep` axes: block copies, forward and back.
#include "ops/op.h"
#include "ops/small_ops.h"

namespace fae::cuda {

namespace {

class ConcatNode final : public NodeOp {
 public:
  ConcatNode(const Network& network, const NodeSpec& node) : NodeOp(network, node), keep_(node.attributes.at("keep").u32()) {
    if (node.inputs.empty()) wrong_node(job(), node, "at least one input", "none");
    check_operands(job(), node, node.inputs.size());
  }

  void forward(Lanes& lanes, const AnyRows&) const override {
    uint32_t first = 0;
    for (size_t i = 0; i < node_.inputs.size(); i++) {
      const uint32_t count = part(i);
      if (count == 0) continue;
      block_copy({out().data.get(), out().last, out().ld, out().vectors / outers(), first}, {in(i).data.get(), in(i).last, in(i).ld, count / in(i).last, 0},
                 job().batch * outers(), count, BlockMode::copy, lanes.main());
      first += count;
    }
  }

  void backward(Lanes& lanes, const AnyRows&) const override {
    uint32_t first = 0;
    for (size_t i = 0; i < node_.inputs.size(); i++) {
      const uint32_t count = part(i);
      if (wanted(i) && count > 0) {
        block_copy({in(i).gradient.get(), in(i).last, in(i).ld, count / in(i).last, 0},
                   {out().gradient.get(), out().last, out().ld, out().vectors / outers(), first}, job().batch * outers(), count,
                   adds(i) ? BlockMode::add : BlockMode::copy, lanes.main());
      }
      first += count;
    }
  }

 private:
  // Elements of the kept axes, and of input `i` behind them.
  uint32_t outers() const {
    uint64_t count = 1;
    for (uint32_t axis = 0; axis < keep_ && axis < shape(node_.output).size(); axis++) count *= shape(node_.output)[axis];
    return static_cast<uint32_t>(count);
  }
  uint32_t part(size_t i) const { return in(i).vectors * in(i).last / outers(); }

  const uint32_t keep_;
};

}  // namespace

extern const OpEntry concat_op = {"concat", make_op<ConcatNode>};

}  // namespace fae::cuda
