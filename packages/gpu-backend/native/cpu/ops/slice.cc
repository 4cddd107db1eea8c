// Steps [from, to) of one axis: strided copies between value layouts; the gradient goes back to the steps taken.
#include "ops/op.h"

#if !defined(FAE_ISA)
#include <cstring>

namespace fae::cpu {

namespace {

class SliceOp final : public NodeOp {
 public:
  SliceOp(const Network& network, const NodeSpec& node)
      : NodeOp(network, node), from_(node.attributes.at("from").u32()), to_(node.attributes.at("to").u32()) {
    if (const Json* axis = node.attributes.find("axis")) axis_ = axis->u32();
    check_operands(job(), node, 1);
    check_slice(job(), node, axis_, from_, to_);
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
  // From x to y, or with `back` y added to x. Blocks of the axes before the sliced one, of all inputs, are alike.
  void take(float* x, float* y, uint32_t inputs, bool back) const {
    const auto& sizes = shape(node_.inputs[0]);
    const ValueLayout &whole = layout(node_.inputs[0]), &part = layout(node_.output);
    uint32_t outer = inputs;
    for (uint32_t a = 0; a < axis_; a++) outer *= static_cast<uint32_t>(sizes[a]);
    if (axis_ + 1 == sizes.size()) return take_columns(x, y, outer, back);
    const uint32_t steps = static_cast<uint32_t>(sizes[axis_]), per_step = inputs * whole.vectors / (outer * steps);
    for (uint32_t n = 0; n < (to_ - from_) * per_step; n++) {
      copy(x + (from_ * per_step + n) * whole.stride, steps * per_step * whole.stride, y + n * part.stride, (to_ - from_) * per_step * part.stride, outer,
           whole.width, back);
    }
  }

  // Of the last axis: parts of vectors. Without the axis the value of each vector follows that of the one before.
  void take_columns(float* x, float* y, uint32_t vectors, bool back) const {
    const ValueLayout &whole = layout(node_.inputs[0]), &part = layout(node_.output);
    if (part.vectors == whole.vectors && part.width == to_ - from_) return copy(x + from_, whole.stride, y, part.stride, vectors, part.width, back);
    for (uint32_t v = 0; v < vectors; v += part.width) {
      copy(x + v * whole.stride + from_, whole.stride, y + v / part.width * part.stride, 1, part.width, 1, back);
    }
  }

  void copy(float* x, size_t x_stride, float* y, size_t y_stride, uint32_t count, uint32_t width, bool back) const {
    kernels().copy_blocks({.from = back ? y : x,
                           .to = back ? x : y,
                           .from_stride = back ? y_stride : x_stride,
                           .to_stride = back ? x_stride : y_stride,
                           .count = count,
                           .width = width,
                           .add = back});
  }

  const uint32_t from_, to_;
  uint32_t axis_ = 0;
};

}  // namespace

extern const OpEntry slice_op = {"slice", make_op<SliceOp>};

}  // namespace fae::cpu
#endif
