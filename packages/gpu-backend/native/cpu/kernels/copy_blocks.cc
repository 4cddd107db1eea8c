// Strided copies and sums: what `concat` and `slice` consist of, forward and backward.
#include "simd.h"

namespace fae::cpu::FAE_ISA {

void copy_blocks(const CopyBlocks& p) {
  for (uint32_t n = 0; n < p.count; n++) {
    const float* from = p.from + n * p.from_stride;
    float* to = p.to + n * p.to_stride;
    if (p.add) {
      for (uint32_t i = 0; i < p.width; i++) to[i] += from[i];
    } else {
      for (uint32_t i = 0; i < p.width; i++) to[i] = from[i];
    }
  }
}

}  // namespace fae::cpu::FAE_ISA
