// a[r] = sum_k H[r, k] q[k] per input; dH[r] = da[r] q, dq = sum_r da[r] H[r].
#include "simd.h"

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
