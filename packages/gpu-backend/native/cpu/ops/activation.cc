// y = relu(x) or sigmoid(x), element by element; dx = dy act'(y).
#include "ops/op.h"

namespace fae::cpu {

// `rows` rows of `width` values.
struct ActivationCall {
  Matrix x, y, dx, dy;
  uint32_t rows = 0, width = 0;
  Activation kind = Activation::relu;
  bool add = false;
};

}  // namespace fae::cpu

#if defined(FAE_ISA)

extern "C" float expf(float);

namespace fae::cpu::FAE_ISA {

void activate(const ActivationCall& p) {
  for (uint32_t r = 0; r < p.rows; r++) {
    const float* x = p.x.from(r).data;
    float* y = p.y.from(r).data;
    if (p.kind == Activation::relu) {
      for (uint32_t c = 0; c < p.width; c++) y[c] = x[c] < 0 ? 0.0f : x[c];  // NaN stays NaN
    } else {
      for (uint32_t c = 0; c < p.width; c++) y[c] = 1.0f / (1.0f + expf(-x[c]));
    }
  }
}

void activate_backward(const ActivationCall& p) {
  for (uint32_t r = 0; r < p.rows; r++) {
    const float *y = p.y.from(r).data, *dy = p.dy.from(r).data;
    float* dx = p.dx.from(r).data;
    for (uint32_t c = 0; c < p.width; c++) {
      const float value = p.kind == Activation::relu ? (y[c] > 0 ? dy[c] : 0.0f) : dy[c] * (y[c] * (1.0f - y[c]));
      dx[c] = p.add ? dx[c] + value : value;
    }
  }
}

}  // namespace fae::cpu::FAE_ISA

#else

namespace fae::cpu {

FAE_KERNEL(activate, ActivationCall)
FAE_KERNEL(activate_backward, ActivationCall)

namespace {

Activation read_kind(const Json& json) {
  static constexpr const char* names[] = {"relu", "sigmoid"};
  return choice<bool>(json, names, "activation") ? Activation::sigmoid : Activation::relu;
}

class ActivationOp final : public NodeOp {
 public:
  ActivationOp(const Network& network, const NodeSpec& node) : NodeOp(network, node), kind_(read_kind(node.attributes.at("kind"))) {
    check_operands(job(), node, 1);
    check_same_shapes(job(), node);
  }

  void forward(const Tile& tile) const override {
    ActivationCall c = call(tile);
    c.x = value(node_.inputs[0], tile);
    activate_kernel(isa(), c);
  }

  void backward(const BackwardSpec& step, const Tile& tile) const override {
    if (!wanted(step, 0)) return;
    ActivationCall c = call(tile);
    c.dy = gradient(node_.output, tile);
    c.dx = gradient(node_.inputs[0], tile);
    c.add = adds(step, 0);
    activate_backward_kernel(isa(), c);
  }

 private:
  ActivationCall call(const Tile& tile) const {
    ActivationCall c;
    c.y = value(node_.output, tile);
    c.rows = tile.inputs() * layout(node_.output).vectors;
    c.width = layout(node_.output).width;
    c.kind = kind_;
    return c;
  }

  const Activation kind_;
};

}  // namespace

extern const OpEntry activation_op = {"activation", make_op<ActivationOp>};

}  // namespace fae::cpu
#endif
