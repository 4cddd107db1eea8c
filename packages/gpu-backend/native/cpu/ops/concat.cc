// Inputs put side by side behind the first `keep` axes: strided copies between value layouts, forward and back.
#include "ops/op.h"

#if !defined(FAE_ISA)
namespace fae::cpu {

namespace {

class ConcatOp final : public NodeOp {
 public:
  ConcatOp(const Network& network, const NodeSpec& node) : NodeOp(network, node), keep_(node.attributes.at("keep").u32()) {
    if (node.inputs.empty()) wrong_node(job(), node, "at least one input", "none");
    check_operands(job(), node, node.inputs.size());
  }

  void forward(const Tile& tile) const override { move_all(nullptr, tile); }
  void backward(const BackwardSpec& step, const Tile& tile) const override { move_all(&step, tile); }

 private:
  // `count` blocks of `width` floats: from part to whole's place, or with `step` from whole to part.
  struct Move {
    float *part, *whole;
    size_t part_stride, whole_stride;
    uint32_t count, width;
  };

  void move(const Move& m, bool back, bool add) const {
    kernels().copy_blocks({.from = back ? m.whole : m.part,
                           .to = back ? m.part : m.whole,
                           .from_stride = back ? m.whole_stride : m.part_stride,
                           .to_stride = back ? m.part_stride : m.whole_stride,
                           .count = m.count,
                           .width = m.width,
                           .add = add});
  }

  void move_all(const BackwardSpec* step, const Tile& tile) const {
    const Matrix out = step ? gradient(node_.output, tile) : value(node_.output, tile);
    size_t at = 0;
    for (size_t i = 0; i < node_.inputs.size(); i++) {
      const uint32_t v = node_.inputs[i];
      const bool is_single = keep_ >= shape(v).size();
      if (!step || wanted(*step, i)) {
        float* part = (step ? gradient(v, tile) : value(v, tile)).data;
        if (is_single) move_elements(v, part, out, at, tile.inputs(), step, step && adds(*step, i));
        else move_blocks(v, part, out, at, tile.inputs(), step, step && adds(*step, i));
      }
      at += is_single ? 1 : job().values[v].elements / groups(v);
    }
  }

  // Every element is its own group.
  void move_elements(uint32_t v, float* part, const Matrix& out, size_t at, uint32_t inputs, bool back, bool add) const {
    const ValueLayout& l = layout(v);
    for (uint32_t n = 0; n < inputs * l.vectors; n++) {
      move({part + n * l.stride, out.data + n * l.width * out.stride + at, 1, out.stride, l.width, 1}, back, add);
    }
  }

  void move_blocks(uint32_t v, float* part, const Matrix& out, size_t at, uint32_t inputs, bool back, bool add) const {
    const ValueLayout& l = layout(v);
    const uint32_t count = inputs * groups(v), vectors = l.vectors / groups(v);
    if (l.stride == l.width) return move({part, out.data + at, vectors * l.stride, out.stride, count, vectors * l.width}, back, add);
    for (uint32_t n = 0; n < vectors; n++) {
      move({part + n * l.stride, out.data + at + n * l.width, vectors * l.stride, out.stride, count, l.width}, back, add);
    }
  }

  // Elements of the kept axes.
  uint32_t groups(uint32_t v) const {
    uint32_t count = 1;
    for (uint32_t axis = 0; axis < keep_; axis++) count *= static_cast<uint32_t>(shape(v)[axis]);
    return count;
  }

  const uint32_t keep_;
};

}  // namespace

extern const OpEntry concat_op = {"concat", make_op<ConcatOp>};

}  // namespace fae::cpu
#endif
