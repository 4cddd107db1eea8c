// The tensor "#step", the number of updates done, in two float32 values: first + 2^24 second, exact below 2^48.
#pragma once

#include <cstdint>

namespace fae {

constexpr uint64_t step_exact = 1 << 24;

inline void put_step(uint64_t step, float* out) {
  out[0] = static_cast<float>(step % step_exact);
  out[1] = static_cast<float>(step / step_exact);
}

inline uint64_t step_of(const float* values) { return static_cast<uint64_t>(values[0]) + step_exact * static_cast<uint64_t>(values[1]); }

}  // namespace fae
