// The tensor "#step", the number of updates done, in two float32 values: first + 2^24 second, exact below 2^48.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "status.h"

namespace fae {

constexpr uint64_t step_exact = 1 << 24;

inline void put_step(uint64_t step, float* out) {
  out[0] = static_cast<float>(step % step_exact);
  out[1] = static_cast<float>(step / step_exact);
}

// Throws FAE_CONFIG for values that `put_step` does not give.
inline uint64_t step_of(const float* values) {
  for (int i = 0; i < 2; i++) {
    if (values[i] >= 0 && values[i] < step_exact && values[i] == std::floor(values[i])) continue;
    fail(FAE_CONFIG, "Tensor '#step' must be two integers from 0 to 2^24 - 1, found " + std::to_string(values[0]) + " and " + std::to_string(values[1]) + ".",
         {fact("option", "#step")});
  }
  return static_cast<uint64_t>(values[0]) + step_exact * static_cast<uint64_t>(values[1]);
}

}  // namespace fae
