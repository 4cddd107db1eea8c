// The optimizers in float32. Formulas: core/src/optimizers. Products are not contracted: every instruction set agrees.
#pragma once

#include "simd.h"

namespace fae::cpu::FAE_ISA {

static inline void apply_sgd(float* __restrict w, const float* __restrict g, float rate, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) w[i] -= rate * g[i];
}

static inline void apply_adagrad(float* __restrict w, const float* __restrict g, float* __restrict sum, const OptimizerStep& step, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) {
    sum[i] += g[i] * g[i];
    w[i] -= (step.rate * g[i]) / (__builtin_sqrtf(sum[i]) + step.epsilon);
  }
}

static inline void apply_rowwise_adagrad(float* __restrict w, const float* __restrict g, float* __restrict sum, const OptimizerStep& step, uint32_t n) {
  sum[0] += dot16(g, g, n) / static_cast<float>(n);
  const float divisor = __builtin_sqrtf(sum[0]) + step.epsilon;
  for (uint32_t i = 0; i < n; i++) w[i] -= (step.rate * g[i]) / divisor;
}

static inline void apply_adam(float* __restrict w, const float* __restrict g, float* __restrict m, float* __restrict v, const OptimizerStep& step,
                              uint64_t n) {
  for (uint64_t i = 0; i < n; i++) {
    m[i] = step.beta1 * m[i] + (1.0f - step.beta1) * g[i];
    v[i] = step.beta2 * v[i] + (1.0f - step.beta2) * g[i] * g[i];
    w[i] -= (step.rate * m[i]) / (__builtin_sqrtf(v[i]) / step.correction + step.epsilon);
  }
}

}  // namespace fae::cpu::FAE_ISA
