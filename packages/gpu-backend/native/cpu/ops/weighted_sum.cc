// c = sum_r y[r] H[r] per input; dy[r] = dc . H[r], dH[r] = y[r] dc.
#include "ops/op.h"

namespace fae::cpu {

// y [count] of r, h [count][r] vectors of k, c [count] of k.
struct WeightedSum {
  Matrix y, h, c;
  uint32_t count = 0, r = 0, k = 0;
  Matrix dy, dh;  // c holds its gradient then
  bool y_wanted = false, h_wanted = false, y_add = false, h_add = false;
};

}  // namespace fae::cpu

#if defined(FAE_ISA)

namespace fae::cpu::FAE_ISA {

void weighted_sum(const WeightedSum& p) {
  for (uint32_t n = 0; n < p.count; n++) {
    float* c = p.c.data + n * p.c.stride;
    const float* y = p.y.data + n * p.y.stride;
    for (uint32_t i = 0; i < p.k; i++) c[i] = 0;
    for (uint32_t r = 0; r < p.r; r++) {
      const float* h = p.h.data + (static_cast<size_t>(n) * p.r + r) * p.h.stride;
      for (uint32_t i = 0; i < p.k; i++) c[i] += y[r] * h[i];
    }
  }
}

void weighted_sum_backward(const WeightedSum& p) {
  for (uint32_t n = 0; n < p.count; n++) {
    const float* dc = p.c.data + n * p.c.stride;
    for (uint32_t r = 0; r < p.r && p.y_wanted; r++) {
      const float value = dot16(p.h.data + (static_cast<size_t>(n) * p.r + r) * p.h.stride, dc, p.k);
      float& dy = p.dy.data[n * p.dy.stride + r];
      dy = p.y_add ? dy + value : value;
    }
    for (uint32_t r = 0; r < p.r && p.h_wanted; r++) {
      const float y = p.y.data[n * p.y.stride + r];
      float* dh = p.dh.data + (static_cast<size_t>(n) * p.r + r) * p.dh.stride;
      for (uint32_t i = 0; i < p.k; i++) dh[i] = p.h_add ? dh[i] + y * dc[i] : y * dc[i];
    }
  }
}

}  // namespace fae::cpu::FAE_ISA

#else

namespace fae::cpu {

FAE_KERNEL(weighted_sum, WeightedSum)
FAE_KERNEL(weighted_sum_backward, WeightedSum)

namespace {

class WeightedSumOp final : public NodeOp {
 public:
  WeightedSumOp(const Network& network, const NodeSpec& node) : NodeOp(network, node) { check_operands(job(), node, 2); }

  void forward(const Tile& tile) const override {
    WeightedSum c = call(tile);
    c.c = value(node_.output, tile);
    weighted_sum_kernel(isa(), c);
  }

  void backward(const BackwardSpec& step, const Tile& tile) const override {
    WeightedSum c = call(tile);
    c.c = gradient(node_.output, tile);
    c.dy = gradient(node_.inputs[0], tile);
    c.dh = gradient(node_.inputs[1], tile);
    c.y_wanted = wanted(step, 0);
    c.h_wanted = wanted(step, 1);
    c.y_add = adds(step, 0);
    c.h_add = adds(step, 1);
    weighted_sum_backward_kernel(isa(), c);
  }

 private:
  WeightedSum call(const Tile& tile) const {
    WeightedSum c;
    c.y = value(node_.inputs[0], tile);
    c.h = value(node_.inputs[1], tile);
    c.count = tile.inputs();
    c.r = layout(node_.inputs[1]).vectors;
    c.k = layout(node_.inputs[1]).width;
    return c;
  }
};

}  // namespace

extern const OpEntry weighted_sum_op = {"weighted-sum", make_op<WeightedSumOp>};

}  // namespace fae::cpu
#endif
