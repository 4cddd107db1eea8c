// y = x / max(|x|, epsilon) over the last axis; dx = (g - y (g . y)) / |x| where |x| > epsilon, else g / epsilon.
#include "simd.h"

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
