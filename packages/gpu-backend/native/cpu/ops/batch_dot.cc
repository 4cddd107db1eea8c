// a[r] = sum_k H[r, k] q[k] per input; dH[r] = da[r] q, dq = sum_r da[r] H[r].
#include "ops/op.h"

namespace fae::cpu {

// h [count][r] vectors of k, q [count] of k, a [count] of r.
struct BatchDot {
  Matrix h, q, a;
  uint32_t count = 0, r = 0, k = 0;
  Matrix dh, dq;  // a holds its gradient then
  bool h_wanted = false, q_wanted = false, h_add = false, q_add = false;
};

}  // namespace fae::cpu

#if defined(FAE_ISA)

namespace fae::cpu::FAE_ISA {

void batch_dot(const BatchDot& p) {
  for (uint32_t n = 0; n < p.count; n++) {
    const float* q = p.q.data + n * p.q.stride;
    for (uint32_t r = 0; r < p.r; r++) p.a.data[n * p.a.stride + r] = dot16(p.h.data + (static_cast<size_t>(n) * p.r + r) * p.h.stride, q, p.k);
  }
}

void batch_dot_backward(const BatchDot& p) {
  for (uint32_t n = 0; n < p.count; n++) {
    const float* q = p.q.data + n * p.q.stride;
    const float* da = p.a.data + n * p.a.stride;
    for (uint32_t r = 0; r < p.r && p.h_wanted; r++) {
      float* dh = p.dh.data + (static_cast<size_t>(n) * p.r + r) * p.dh.stride;
      for (uint32_t c = 0; c < p.k; c++) dh[c] = p.h_add ? dh[c] + da[r] * q[c] : da[r] * q[c];
    }
    if (!p.q_wanted) continue;
    float* dq = p.dq.data + n * p.dq.stride;
    for (uint32_t c = 0; c < p.k && !p.q_add; c++) dq[c] = 0;
    for (uint32_t r = 0; r < p.r; r++) {
      const float* h = p.h.data + (static_cast<size_t>(n) * p.r + r) * p.h.stride;
      for (uint32_t c = 0; c < p.k; c++) dq[c] += da[r] * h[c];
    }
  }
}

}  // namespace fae::cpu::FAE_ISA

#else

namespace fae::cpu {

FAE_KERNEL(batch_dot, BatchDot)
FAE_KERNEL(batch_dot_backward, BatchDot)

namespace {

class BatchDotOp final : public NodeOp {
 public:
  BatchDotOp(const Network& network, const NodeSpec& node) : NodeOp(network, node) { check_operands(job(), node, 2); }

  void forward(const Tile& tile) const override {
    BatchDot c = call(tile);
    c.a = value(node_.output, tile);
    batch_dot_kernel(isa(), c);
  }

  void backward(const BackwardSpec& step, const Tile& tile) const override {
    BatchDot c = call(tile);
    c.a = gradient(node_.output, tile);
    c.dh = gradient(node_.inputs[0], tile);
    c.dq = gradient(node_.inputs[1], tile);
    c.h_wanted = wanted(step, 0);
    c.q_wanted = wanted(step, 1);
    c.h_add = adds(step, 0);
    c.q_add = adds(step, 1);
    batch_dot_backward_kernel(isa(), c);
  }

 private:
  BatchDot call(const Tile& tile) const {
    BatchDot c;
    c.h = value(node_.inputs[0], tile);
    c.q = value(node_.inputs[1], tile);
    c.count = tile.inputs();
    c.r = layout(node_.inputs[0]).vectors;
    c.k = layout(node_.inputs[0]).width;
    return c;
  }
};

}  // namespace

extern const OpEntry batch_dot_op = {"batch-dot", make_op<BatchDotOp>};

}  // namespace fae::cpu
#endif
