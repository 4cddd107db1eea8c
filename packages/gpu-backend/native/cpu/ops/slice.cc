// Steps [from, to) of the first axis: strided copies between value layouts; the gradient goes back to the steps taken.
#include "ops/op.h"

#if !defined(FAE_ISA)
#include <cstring>

namespace fae::cpu {

namespace {

class SliceOp final : public NodeOp {
 public:
  SliceOp(const Network& network, const NodeSpec& node)
      : NodeOp(network, node), from_(node.attributes.at("from").u32()), to_(node.attributes.at("to").u32()) {
    check_operands(job(), node, 1);
    const auto& x = shape(node.inputs[0]);
    if (x.empty() || from_ >= to_ || to_ > x[0]) {
      wrong_node(job(), node, "steps within its input", std::to_string(from_) + " to " + std::to_string(to_));
    }
  }

  void forward(const Tile& tile) const override {
    take(value(node_.inputs[0], tile).data, value(node_.output, tile).data, tile.inputs(), false);
  }

  void backward(const BackwardSpec& step, const Tile& tile) const override {
    if (!wanted(step, 0)) return;
    float* dx = gradient(node_.inputs[0], tile).data;
    // Gradients are added to the steps taken; the others get zero when this is the first to write.
    if (!adds(step, 0)) std::memset(dx, 0, tile.inputs() * layout(node_.inputs[0]).input_stride() * sizeof(float));
    take(dx, gradient(node_.output, tile).data, tile.inputs(), true);
  }

 private:
  // From x to y, or with `back` y added to x.
  void take(float* x, float* y, uint32_t inputs, bool back) const {
    const ValueLayout &whole = layout(node_.inputs[0]), &part = layout(node_.output);
    const auto block = [&](size_t x_at, size_t y_at, uint32_t width) {
      kernels().copy_blocks({.from = back ? y + y_at : x + x_at,
                             .to = back ? x + x_at : y + y_at,
                             .from_stride = back ? part.input_stride() : whole.input_stride(),
                             .to_stride = back ? whole.input_stride() : part.input_stride(),
                             .count = inputs,
                             .width = width,
                             .add = back});
    };
    const auto& steps = shape(node_.inputs[0]);
    if (steps.size() == 1) return block(from_, 0, to_ - from_);
    const uint32_t per_step = whole.vectors / static_cast<uint32_t>(steps[0]);
    for (uint32_t n = 0; n < (to_ - from_) * per_step; n++) block((from_ * per_step + n) * whole.stride, n * part.stride, whole.width);
  }

  const uint32_t from_, to_;
};

}  // namespace

extern const OpEntry slice_op = {"slice", make_op<SliceOp>};

}  // namespace fae::cpu
#endif
