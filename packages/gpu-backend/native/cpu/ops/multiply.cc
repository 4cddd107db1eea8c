// y = a b, element by element; da = dy b, db = dy a.
#include "ops/op.h"

namespace fae::cpu {

// y = or += a b, `rows` rows of `width` values.
struct Multiply {
  Matrix a, b, y;
  uint32_t rows = 0, width = 0;
  bool add = false;
};

}  // namespace fae::cpu

#if defined(FAE_ISA)

namespace fae::cpu::FAE_ISA {

void multiply_values(const Multiply& p) {
  for (uint32_t r = 0; r < p.rows; r++) {
    const float *a = p.a.from(r).data, *b = p.b.from(r).data;
    float* y = p.y.from(r).data;
    if (p.add) {
      for (uint32_t c = 0; c < p.width; c++) y[c] += a[c] * b[c];
    } else {
      for (uint32_t c = 0; c < p.width; c++) y[c] = a[c] * b[c];
    }
  }
}

}  // namespace fae::cpu::FAE_ISA

#else

namespace fae::cpu {

FAE_KERNEL(multiply_values, Multiply)

namespace {

class MultiplyOp final : public NodeOp {
 public:
  MultiplyOp(const Network& network, const NodeSpec& node) : NodeOp(network, node) {
    check_operands(job(), node, 2);
    check_same_shapes(job(), node);
  }

  void forward(const Tile& tile) const override {
    run(tile, value(node_.inputs[0], tile), value(node_.inputs[1], tile), value(node_.output, tile), false);
  }

  void backward(const BackwardSpec& step, const Tile& tile) const override {
    for (size_t i = 0; i < 2; i++) {
      if (wanted(step, i)) run(tile, gradient(node_.output, tile), value(node_.inputs[1 - i], tile), gradient(node_.inputs[i], tile), adds(step, i));
    }
  }

 private:
  void run(const Tile& tile, const Matrix& a, const Matrix& b, const Matrix& y, bool add) const {
    const ValueLayout& l = layout(node_.output);
    multiply_values_kernel(isa(), {a, b, y, tile.inputs() * l.vectors, l.width, add});
  }
};

}  // namespace

extern const OpEntry multiply_op = {"multiply", make_op<MultiplyOp>};

}  // namespace fae::cpu
#endif
