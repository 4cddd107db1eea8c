// Largest sizes of a job: what engines count in 32 bits must fit there, and bytes of whole arrays into 64.
#pragma once

#include <cstdint>

#include "job.h"

namespace fae {

// Of an axis, of the words of one input, of the inputs of a batch.
constexpr uint64_t largest_size = 0x7fffffff;
// Values of one array.
constexpr uint64_t largest_array = 1ull << 48;

// Throws FAE_CONFIG naming what is too large, how large it is and the limit.
void check_size(const char* what, const std::string& name, uint64_t found, uint64_t limit);
// a * b, or the largest number when that does not fit.
inline uint64_t product(uint64_t a, uint64_t b) {
  uint64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? ~0ull : result;
}

// Throws FAE_CONFIG for a job with a size that no engine can count.
void check_limits(const Job& job);

}  // namespace fae
