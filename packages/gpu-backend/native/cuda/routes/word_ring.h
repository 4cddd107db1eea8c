// Pinned memory that holds the words of the batches in flight.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fae::cuda {

// Batch i lies in slot i % slots.
struct WordRing {
  uint32_t* base = nullptr;
  uint32_t slots = 0;
  size_t slot_words = 0;
  uint32_t* words(uint32_t i) const { return base + (i % slots) * slot_words; }
};

}  // namespace fae::cuda
