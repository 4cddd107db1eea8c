// y = x / max(|x|, epsilon) over the last axis; dx = (g - y (g . y)) / |x| where |x| > epsilon, else g / epsilon.
#include "ops/op.h"

namespace fae::cpu {

// Vectors of `k` values.
struct Normalize {
  Matrix x, y, dy, dx;
  uint32_t count = 0, k = 0;
  float epsilon = 0;
  bool add = false;
};

}  // namespace fae::cpu

#if defined(FAE_ISA)

namespace fae::cpu::FAE_ISA {

void normalize(const Normalize& p) {
  for (uint32_t n = 0; n < p.count; n++) {
    const float* x = p.x.data + n * p.x.stride;
    float* y = p.y.data + n * p.y.stride;
    const float length = __builtin_sqrtf(dot16(x, x, p.k));
    // A comparison that is false for NaN keeps it.
    const float divisor = length < p.epsilon ? p.epsilon : length;
    for (uint32_t c = 0; c < p.k; c++) y[c] = x[c] / divisor;
  }
}

void normalize_backward(const Normalize& p) {
  for (uint32_t n = 0; n < p.count; n++) {
    const float* x = p.x.data + n * p.x.stride;
    const float* y = p.y.data + n * p.y.stride;
    const float* g = p.dy.data + n * p.dy.stride;
    float* dx = p.dx.data + n * p.dx.stride;
    const float length = __builtin_sqrtf(dot16(x, x, p.k));
    const bool inside = !(length > p.epsilon);
    const float along = inside ? 0.0f : dot16(g, y, p.k);
    const float divisor = inside ? p.epsilon : length;
    for (uint32_t c = 0; c < p.k; c++) {
      const float value = (inside ? g[c] : g[c] - y[c] * along) / divisor;
      dx[c] = p.add ? dx[c] + value : value;
    }
  }
}

}  // namespace fae::cpu::FAE_ISA

#else

namespace fae::cpu {

FAE_KERNEL(normalize, Normalize)
FAE_KERNEL(normalize_backward, Normalize)

namespace {

class NormalizeOp final : public NodeOp {
 public:
  NormalizeOp(const Network& network, const NodeSpec& node) : NodeOp(network, node), epsilon_(static_cast<float>(node.attributes.at("epsilon").number())) {
    check_operands(job(), node, 1);
  }

  void forward(const Tile& tile) const override { normalize_kernel(isa(), call(tile)); }

  void backward(const BackwardSpec& step, const Tile& tile) const override {
    if (!wanted(step, 0)) return;
    Normalize c = call(tile);
    c.dy = gradient(node_.output, tile);
    c.dx = gradient(node_.inputs[0], tile);
    c.add = adds(step, 0);
    normalize_backward_kernel(isa(), c);
  }

 private:
  Normalize call(const Tile& tile) const {
    Normalize c;
    c.x = value(node_.inputs[0], tile);
    c.y = value(node_.output, tile);
    c.count = tile.inputs() * layout(node_.inputs[0]).vectors;
    c.k = layout(node_.inputs[0]).width;
    c.epsilon = epsilon_;
    return c;
  }

  const float epsilon_;
};

}  // namespace

extern const OpEntry normalize_op = {"normalize", make_op<NormalizeOp>};

}  // namespace fae::cpu
#endif
