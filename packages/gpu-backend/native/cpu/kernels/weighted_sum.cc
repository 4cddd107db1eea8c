// c = sum_r y[r] H[r] per input; dy[r] = dc . H[r], dH[r] = y[r] dc.
#include "simd.h"

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
