// Steps [from, to) of one axis: block copies, forward and back.
#include "ops/op.h"
#include "ops/small_ops.h"
#include "support/check.h"

namespace fae::cuda {

namespace {

class SliceNode final : public NodeOp {
 public:
  SliceNode(const Network& network, const NodeSpec& node)
      : NodeOp(network, node), from_(node.attributes.at("from").u32()), to_(node.attributes.at("to").u32()) {
    if (const Json* axis = node.attributes.find("axis")) axis_ = axis->u32();
    check_operands(job(), node, 1);
    check_slice(job(), node, axis_, from_, to_);
  }

  void forward(Lanes& lanes, const AnyRows&) const override {
    block_copy(part(out().data.get()), whole(in(0).data.get()), outers(), taken(), BlockMode::copy, lanes.main());
  }

  void backward(Lanes& lanes, const AnyRows&) const override {
    if (!wanted(0)) return;
    float* dx = in(0).gradient.get();
    // A block of one column per vector does not cover the others.
    const bool clears = drops_columns() && !adds(0);
    if (clears) FAE_CUDA(cudaMemsetAsync(dx, 0, in(0).gradient.count * sizeof(float), lanes.main()));
    const BlockMode mode = adds(0) ? BlockMode::add : clears ? BlockMode::copy : BlockMode::copy_rest0;
    block_copy(whole(dx), part(out().gradient.get()), outers(), taken(), mode, lanes.main());
  }

 private:
  // The last axis goes: one column stays, and the values of several vectors become one vector.
  bool drops_columns() const { return axis_ + 1 == shape(node_.inputs[0]).size() && out().vectors != in(0).vectors; }

  // Blocks of the batch, of one input, and elements of each that are taken.
  uint32_t outers() const { return job().batch * per_input(); }
  uint32_t per_input() const {
    if (drops_columns()) return out().vectors;
    uint64_t count = 1;
    for (uint32_t a = 0; a < axis_; a++) count *= shape(node_.inputs[0])[a];
    return static_cast<uint32_t>(count);
  }
  // Elements of one step of a block.
  uint32_t inner() const { return in(0).vectors * in(0).last / per_input() / static_cast<uint32_t>(shape(node_.inputs[0])[axis_]); }
  uint32_t taken() const { return drops_columns() ? out().last : (to_ - from_) * inner(); }
  BlockView whole(float* data) const {
    if (drops_columns()) return {data + from_, 1, in(0).ld, out().last, 0};
    return {data, in(0).last, in(0).ld, in(0).vectors / per_input(), from_ * inner()};
  }
  BlockView part(float* data) const { return {data, out().last, out().ld, out().vectors / per_input(), 0}; }

  const uint32_t from_, to_;
  uint32_t axis_ = 0;
};

}  // namespace

extern const OpEntry slice_op = {"slice", make_op<SliceNode>};

}  // namespace fae::cuda
