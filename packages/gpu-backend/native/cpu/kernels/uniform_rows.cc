// First values of table rows by AVX-512: Philox counters eight at a time, bit by bit what `uniform_row` of common/random.h draws one by
// one. That file's inline code stays out: compiled here, it could be what other CPUs run.
#include "simd.h"

#if defined(__AVX512F__)
#include <immintrin.h>

namespace fae::cpu::FAE_ISA {

namespace {

// A counter word in the low half of each lane; what a round leaves in the high half is never read.
typedef uint64_t Words __attribute__((vector_size(64)));
typedef double Doubles __attribute__((vector_size(64)));
typedef float Floats __attribute__((vector_size(32)));
constexpr uint32_t wide = 8;

inline Words all(uint32_t x) { return Words{} + x; }
// Low half by low half.
inline Words multiply(Words a, Words b) { return reinterpret_cast<Words>(_mm512_mul_epu32(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b))); }

// float32(bound * (2 u - 1)) with u = (word + 0.5) / 2^32, each operation as there.
inline Floats value(Words word, double bound) {
  // A whole number below 2^32 as the last bits of 2^52.
  const Doubles n = reinterpret_cast<Doubles>((word & 0xffffffffu) | 0x4330000000000000u) - 0x1p52;
  return __builtin_convertvector(bound * (2 * ((n + 0.5) / 4294967296.0) - 1), Floats);
}

}  // namespace

void uniform_rows(const UniformRows& s) {
  // Groups of counters that do not wait for each other.
  constexpr uint32_t groups = 4, block = groups * wide;
  const uint32_t quads = s.width / 4;
  const uint64_t total = static_cast<uint64_t>(s.count) * quads;
  uint32_t row = 0, quad = 0;  // of the next counter
  for (uint64_t begin = 0; begin < total; begin += block) {
    alignas(64) uint64_t rows[block], columns[block];
    for (uint32_t l = 0; l < block; l++) {
      // Counters behind the last are drawn and left.
      const uint32_t at = row < s.count ? row : s.count - 1;
      rows[l] = s.rows ? s.rows[at] : s.first + at;
      columns[l] = quad;
      if (++quad == quads) quad = 0, row++;
    }
    Words c0[groups], c1[groups], c2[groups], c3[groups];
    for (uint32_t g = 0; g < groups; g++) {
      c0[g] = *reinterpret_cast<const Words*>(rows + g * wide);
      c1[g] = *reinterpret_cast<const Words*>(columns + g * wide);
      c2[g] = all(s.key);
      c3[g] = Words{};
    }
    uint32_t k0 = s.seed, k1 = s.stream;
    for (int round = 0; round < 10; round++) {
      for (uint32_t g = 0; g < groups; g++) {
        const Words p0 = multiply(all(0xd2511f53u), c0[g]), p1 = multiply(all(0xcd9e8d57u), c2[g]);
        c0[g] = (p1 >> 32) ^ c1[g] ^ all(k0);
        c1[g] = p1;
        c2[g] = (p0 >> 32) ^ c3[g] ^ all(k1);
        c3[g] = p0;
      }
      k0 += 0x9e3779b9u;
      k1 += 0xbb67ae85u;
    }
    alignas(64) float values[block][4];
    for (uint32_t g = 0; g < groups; g++) {
      const Floats v0 = value(c0[g], s.bound), v1 = value(c1[g], s.bound), v2 = value(c2[g], s.bound), v3 = value(c3[g], s.bound);
      for (uint32_t l = 0; l < wide; l++) {
        float* to = values[g * wide + l];
        to[0] = v0[l], to[1] = v1[l], to[2] = v2[l], to[3] = v3[l];
      }
    }
    const uint64_t here = total - begin < block ? total - begin : block;
    __builtin_memcpy(s.out + 4 * begin, values, here * sizeof values[0]);
  }
}

}  // namespace fae::cpu::FAE_ISA
#endif
