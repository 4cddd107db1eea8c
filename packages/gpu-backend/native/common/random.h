// Twin of core/src/random.ts: Philox4x32-10 counters, uniform rows, the permutation of inputs. Equal bit by bit.
#pragma once

#include <cstdint>
#include <string_view>

#if defined(__CUDACC__)
#define FAE_HOST_DEVICE __host__ __device__
#else
#define FAE_HOST_DEVICE
#endif

namespace fae {

struct Words4 {
  uint32_t word[4];
};

FAE_HOST_DEVICE inline Words4 philox(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = 0xd2511f53ull * c0;
    const uint64_t p1 = 0xcd9e8d57ull * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(p0);
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  return {{c0, c1, c2, c3}};
}

// Second key word per purpose: `streams` of random.ts.
enum Stream : uint32_t {
  stream_table = 1,
  stream_param = 2,
  stream_permutation = 3,
  stream_order = 4,
  stream_sample = 5,
  stream_synth = 6,
  stream_rounding = 7,
};

// FNV-1a of the name's UTF-8 bytes.
inline uint32_t name_key(std::string_view name) {
  uint32_t hash = 0x811c9dc5u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193u;
  return hash;
}

// uint32 to a double in (0, 1), exact.
FAE_HOST_DEVICE inline double unit(uint32_t n) { return (static_cast<double>(n) + 0.5) / 4294967296.0; }

// Row `row` (original id) of a uniform table: `width` values of float32(bound * (2 u - 1)).
FAE_HOST_DEVICE inline void uniform_row(float* out, uint32_t width, uint32_t seed, uint32_t key, uint32_t row, double bound) {
  for (uint32_t column = 0; column < width; column += 4) {
    const Words4 words = philox(row, column >> 2, key, 0, seed, stream_table);
    for (uint32_t i = 0; i < 4 && column + i < width; i++) {
      out[column + i] = static_cast<float>(bound * (2 * unit(words.word[i]) - 1));
    }
  }
}

// Bijection of [0, n): four Feistel rounds over the smallest even number of bits that covers n, cycle-walked.
struct Permutation {
  uint32_t n, half, mask, keys[4];

  FAE_HOST_DEVICE Permutation(uint32_t count, uint32_t seed, uint32_t epoch) : n(count), half(1) {
    uint32_t bits = 0;
    while (bits < 32 && n > 1 && (n - 1) >> bits != 0) bits++;
    if ((bits + 1) / 2 > half) half = (bits + 1) / 2;
    mask = (1u << half) - 1;
    const Words4 words = philox(epoch, 0, 0, 0, seed, stream_permutation);
    for (int i = 0; i < 4; i++) keys[i] = words.word[i];
  }

  FAE_HOST_DEVICE uint32_t operator()(uint32_t i) const {
    if (n < 2) return i;
    uint32_t x = i;
    do {
      uint32_t left = (x >> half) & mask;
      uint32_t right = x & mask;
      for (int round = 0; round < 4; round++) {
        uint32_t h = right ^ keys[round];
        h = (h ^ (h >> 16)) * 0x85ebca6bu;
        h = (h ^ (h >> 13)) * 0xc2b2ae35u;
        h ^= h >> 16;
        const uint32_t next = left ^ (h & mask);
        left = right;
        right = next;
      }
      x = (left << half) | right;
    } while (x >= n);
    return x;
  }
};

}  // namespace fae
