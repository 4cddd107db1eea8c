// The register tile shared by the matrix products and the interaction.
#pragma once

#include "simd.h"

// Early and complete: sums that stay an array live on the stack instead of in registers.
#define FAE_UNROLL _Pragma("GCC unroll 16")

namespace fae::cpu::FAE_ISA {

// sums[i][j] = sum over k < inner of a[i, k] b[k, vector j].
template <uint32_t rows, uint32_t vectors>
static inline __attribute__((always_inline)) void multiply(const float* a, size_t a_row, size_t a_inner, const float* b, size_t b_inner, uint32_t inner,
                                                    Vector (&sums)[rows][vectors]) {
  FAE_UNROLL
  for (uint32_t i = 0; i < rows; i++) {
    FAE_UNROLL
    for (uint32_t j = 0; j < vectors; j++) sums[i][j] = Vector{};
  }
  for (uint32_t k = 0; k < inner; k++) {
    Vector right[vectors];
    FAE_UNROLL
    for (uint32_t j = 0; j < vectors; j++) right[j] = load(b + k * b_inner + j * lanes);
    FAE_UNROLL
    for (uint32_t i = 0; i < rows; i++) {
      const float left = a[i * a_row + k * a_inner];
      FAE_UNROLL
      for (uint32_t j = 0; j < vectors; j++) sums[i][j] += left * right[j];
    }
  }
}

}  // namespace fae::cpu::FAE_ISA
