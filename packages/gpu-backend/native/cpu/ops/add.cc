// y = sum_i scale_i x_i, element by element; dx_i = scale_i dy.
#include "ops/op.h"

namespace fae::cpu {

// y = or += scale x, `rows` rows of `width` values.
struct AddScaled {
  Matrix x, y;
  uint32_t rows = 0, width = 0;
  float scale = 1;
  bool add = false;
};

}  // namespace fae::cpu

#if defined(FAE_ISA)

namespace fae::cpu::FAE_ISA {

void add_scaled(const AddScaled& p) {
  for (uint32_t r = 0; r < p.rows; r++) {
    const float* x = p.x.from(r).data;
    float* y = p.y.from(r).data;
    if (p.add) {
      for (uint32_t c = 0; c < p.width; c++) y[c] += p.scale * x[c];
    } else {
      for (uint32_t c = 0; c < p.width; c++) y[c] = p.scale * x[c];
    }
  }
}

}  // namespace fae::cpu::FAE_ISA

#else

namespace fae::cpu {

FAE_KERNEL(add_scaled, AddScaled)

namespace {

class AddOp final : public NodeOp {
 public:
  AddOp(const Network& network, const NodeSpec& node) : NodeOp(network, node) {
    for (const Json& scale : node.attributes.at("scales").array()) scales_.push_back(static_cast<float>(scale.number()));
    if (scales_.empty()) wrong_node(job(), node, "at least one input", "none");
    check_operands(job(), node, scales_.size());
    check_same_shapes(job(), node);
  }

  void forward(const Tile& tile) const override {
    for (size_t i = 0; i < scales_.size(); i++) run(tile, value(node_.inputs[i], tile), value(node_.output, tile), i, i > 0);
  }

  void backward(const BackwardSpec& step, const Tile& tile) const override {
    for (size_t i = 0; i < scales_.size(); i++) {
      if (wanted(step, i)) run(tile, gradient(node_.output, tile), gradient(node_.inputs[i], tile), i, adds(step, i));
    }
  }

 private:
  void run(const Tile& tile, const Matrix& x, const Matrix& y, size_t input, bool add) const {
    const ValueLayout& l = layout(node_.output);
    add_scaled_kernel(isa(), {x, y, tile.inputs() * l.vectors, l.width, scales_[input], add});
  }

  std::vector<float> scales_;
};

}  // namespace

extern const OpEntry add_op = {"add", make_op<AddOp>};

}  // namespace fae::cpu
#endif
