// One optimizer step for four neighbouring values, shared by rows and dense parameters (core/src/optimizers).
#pragma once

#include "job.h"
#include "ops/device_math.cuh"

namespace fae::cuda {

// Constants of one step, computed once per thread.
struct StepRates {
  float rate;        // learning rate; Adam: lr / (1 - beta1^t)
  float epsilon;
  float beta1, beta2, keep1, keep2;  // keep = 1 - beta
  float correction;  // sqrt(1 - beta2^t)
};

template <OptimizerName O>
__device__ __forceinline__ StepRates step_rates(float learning_rate, double step, float epsilon, double beta1, double beta2) {
  StepRates r{learning_rate, epsilon, 0, 0, 0, 0, 1};
  if constexpr (O == OptimizerName::adam) {
    r.rate = static_cast<float>(learning_rate / (1 - pow(beta1, step)));
    r.correction = static_cast<float>(sqrt(1 - pow(beta2, step)));
    r.beta1 = static_cast<float>(beta1);
    r.beta2 = static_cast<float>(beta2);
    r.keep1 = static_cast<float>(1 - beta1);
    r.keep2 = static_cast<float>(1 - beta2);
  }
  return r;
}

// `shared`: the row-wise accumulator's divisor. a, b: the state slots in order.
template <OptimizerName O>
__device__ __forceinline__ float update_value(float w, float g, float& a, float& b, const StepRates& r, float divisor) {
  if constexpr (O == OptimizerName::sgd) {
    return fmaf(-r.rate, g, w);
  } else if constexpr (O == OptimizerName::adagrad) {
    a = fmaf(g, g, a);
    return w - r.rate * g / (sqrtf(a) + r.epsilon);
  } else if constexpr (O == OptimizerName::rowwise_adagrad) {
    return w - r.rate * g / divisor;
  } else {
    a = r.beta1 * a + r.keep1 * g;
    b = r.beta2 * b + r.keep2 * g * g;
    return w - r.rate * a / (sqrtf(b) / r.correction + r.epsilon);
  }
}

template <OptimizerName O>
__device__ __forceinline__ float4 update_values(float4 w, float4 g, float4& a, float4& b, const StepRates& r, float divisor) {
  return make_float4(update_value<O>(w.x, g.x, a.x, b.x, r, divisor), update_value<O>(w.y, g.y, a.y, b.y, r, divisor),
                     update_value<O>(w.z, g.z, a.z, b.z, r, divisor), update_value<O>(w.w, g.w, a.w, b.w, r, divisor));
}

}  // namespace fae::cuda
