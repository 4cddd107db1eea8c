// The vector type of the instruction set this file is compiled for. Included by kernel files only.
#pragma once

#include "../kernels.h"

#if !defined(FAE_ISA)
#error "kernel files are compiled once per instruction set, with FAE_ISA set by cpu/CMakeLists.txt"
#endif

namespace fae::cpu::FAE_ISA {

#if defined(__AVX512F__)
constexpr uint32_t lanes = 16;
#elif defined(__AVX2__)
constexpr uint32_t lanes = 8;
#else
constexpr uint32_t lanes = 4;
#endif

typedef float Vector __attribute__((vector_size(lanes * sizeof(float))));
typedef float Unaligned __attribute__((vector_size(lanes * sizeof(float)), aligned(4), may_alias));

static inline Vector load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
static inline void store(float* to, Vector v) { *reinterpret_cast<Unaligned*>(to) = v; }
static inline Vector splat(float x) { return x - Vector{}; }

// Sums 16 partial sums in one order whatever the width of a vector, so that instruction sets agree.
static inline float sum16(const float* p) {
  float eight[8], four[4];
  for (int i = 0; i < 8; i++) eight[i] = p[i] + p[i + 8];
  for (int i = 0; i < 4; i++) four[i] = eight[i] + eight[i + 4];
  return (four[0] + four[2]) + (four[1] + four[3]);
}

// sum over i < n of a[i] b[i], in 16 partial sums.
static inline float dot16(const float* a, const float* b, uint32_t n) {
  float partial[16] = {};
  uint32_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (uint32_t j = 0; j < 16; j++) partial[j] += a[i + j] * b[i + j];
  }
  for (uint32_t j = 0; i + j < n; j++) partial[j] += a[i + j] * b[i + j];
  return sum16(partial);
}

}  // namespace fae::cpu::FAE_ISA
