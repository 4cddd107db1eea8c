// y[o, i] = sum_n x[o, n, i] over one axis; dx[o, n, i] = dy[o, i]. Sums run in index order, along the last axis in 16 partial sums.
#include "ops/op.h"

namespace fae::cpu {

// Along the last axis: x [outer] vectors of `count`, y [outer] values. Else x [outer][count][inner] vectors of `width`, y [outer][inner].
struct ReduceSum {
  Matrix x, y;  // backward: their gradients
  uint32_t outer = 0, count = 0, inner = 1, width = 1;
  uint32_t y_width = 1;  // values of y that lie side by side
  bool is_last = false;
  bool add = false;
};

}  // namespace fae::cpu

#if defined(FAE_ISA)

namespace fae::cpu::FAE_ISA {

static inline float& last_axis_sum(const ReduceSum& p, uint32_t o) { return p.y.from(o / p.y_width).data[o % p.y_width]; }

void reduce_sum(const ReduceSum& p) {
  if (p.is_last) {
    for (uint32_t o = 0; o < p.outer; o++) {
      const float* x = p.x.from(o).data;
      float partial[16] = {};
      uint32_t n = 0;
      for (; n + 16 <= p.count; n += 16) {
        for (uint32_t j = 0; j < 16; j++) partial[j] += x[n + j];
      }
      for (uint32_t j = 0; n + j < p.count; j++) partial[j] += x[n + j];
      last_axis_sum(p, o) = sum16(partial);
    }
    return;
  }
  for (uint32_t o = 0; o < p.outer; o++) {
    for (uint32_t i = 0; i < p.inner; i++) {
      float* y = p.y.from(static_cast<size_t>(o) * p.inner + i).data;
      for (uint32_t c = 0; c < p.width; c++) y[c] = 0;
      for (uint32_t n = 0; n < p.count; n++) {
        const float* x = p.x.from((static_cast<size_t>(o) * p.count + n) * p.inner + i).data;
        for (uint32_t c = 0; c < p.width; c++) y[c] += x[c];
      }
    }
  }
}

void reduce_sum_backward(const ReduceSum& p) {
  const uint32_t vectors = p.is_last ? 1 : p.count * p.inner, width = p.is_last ? p.count : p.width;
  for (uint32_t o = 0; o < p.outer; o++) {
    for (uint32_t v = 0; v < vectors; v++) {
      float* dx = p.x.from(static_cast<size_t>(o) * vectors + v).data;
      if (p.is_last) {
        const float dy = last_axis_sum(p, o);
        for (uint32_t c = 0; c < width; c++) dx[c] = p.add ? dx[c] + dy : dy;
      } else {
        const float* dy = p.y.from(static_cast<size_t>(o) * p.inner + v % p.inner).data;
        for (uint32_t c = 0; c < width; c++) dx[c] = p.add ? dx[c] + dy[c] : dy[c];
      }
    }
  }
}

}  // namespace fae::cpu::FAE_ISA

#else

namespace fae::cpu {

FAE_KERNEL(reduce_sum, ReduceSum)
FAE_KERNEL(reduce_sum_backward, ReduceSum)

namespace {

class ReduceSumOp final : public NodeOp {
 public:
  ReduceSumOp(const Network& network, const NodeSpec& node) : NodeOp(network, node), axis_(node.attributes.at("axis").u32()) {
    check_operands(job(), node, 1);
    const auto& sizes = shape(node.inputs[0]);
    if (axis_ >= sizes.size() || sizes[axis_] == 0) wrong_node(job(), node, "an axis of its input", std::to_string(axis_));
  }

  void forward(const Tile& tile) const override { reduce_sum_kernel(isa(), call(tile, value(node_.inputs[0], tile), value(node_.output, tile))); }

  void backward(const BackwardSpec& step, const Tile& tile) const override {
    if (!wanted(step, 0)) return;
    ReduceSum c = call(tile, gradient(node_.inputs[0], tile), gradient(node_.output, tile));
    c.add = adds(step, 0);
    reduce_sum_backward_kernel(isa(), c);
  }

 private:
  ReduceSum call(const Tile& tile, const Matrix& x, const Matrix& y) const {
    const auto& sizes = shape(node_.inputs[0]);
    ReduceSum c;
    c.x = x;
    c.y = y;
    c.outer = tile.inputs();
    for (uint32_t a = 0; a < axis_; a++) c.outer *= static_cast<uint32_t>(sizes[a]);
    c.count = static_cast<uint32_t>(sizes[axis_]);
    c.is_last = axis_ + 1 == sizes.size();
    for (size_t a = axis_ + 1; a + 1 < sizes.size(); a++) c.inner *= static_cast<uint32_t>(sizes[a]);
    if (!c.is_last) c.width = static_cast<uint32_t>(sizes.back());
    c.y_width = layout(node_.output).width;
    return c;
  }

  const uint32_t axis_;
};

}  // namespace

extern const OpEntry reduce_sum_op = {"reduce-sum", make_op<ReduceSumOp>};

}  // namespace fae::cpu
#endif
