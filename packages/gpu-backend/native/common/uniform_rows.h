// A run of table rows to draw, as plain data: kernels of other instruction sets take it.
#pragma once

#include <cstdint>

namespace fae {

// Rows rows[0..count), or first, first + 1, ... without `rows`: `width` values each, a multiple of 4, one row behind the other. The values
// are those of `uniform_row` (random.h).
struct UniformRows {
  float* out = nullptr;
  uint32_t width = 0, count = 0, first = 0;
  const uint32_t* rows = nullptr;
  uint32_t seed = 0, stream = 0, key = 0;
  double bound = 0;
};
using DrawRows = void (*)(const UniformRows&);

}  // namespace fae
