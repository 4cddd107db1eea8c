#include "arena.h"

#include <cstring>

namespace fae::cpu {

namespace {
constexpr uint64_t slack = 256;
constexpr uint64_t block = 8ull << 20;
}  // namespace

void* Arena::take(uint64_t bytes, const std::string& purpose) {
  const uint64_t whole = (bytes + slack + 63) / 64 * 64;
  bytes_ += bytes;
  if (whole > block / 8) {
    budget_.take(whole, purpose);
    pages_.push_back(Pages::anonymous(whole, purpose));
    return pages_.back().as<void>();
  }
  if (whole > small_left_) {
    pages_.push_back(Pages::anonymous(block, purpose));
    small_ = pages_.back().as<char>();
    small_left_ = block;
  }
  char* taken = small_;
  small_ += whole;
  small_left_ -= whole;
  return taken;
}

float* Arena::make_mapped(uint64_t count, const std::string& path) {
  pages_.push_back(Pages::mapped(path, count * sizeof(float)));
  return pages_.back().as<float>();
}

void Bus::copy(Traffic kind, Direction direction, void* to, const void* from, uint64_t bytes) {
  if (bytes == 0) return;
  std::memcpy(to, from, bytes);
  count(kind, direction, bytes);
}

void Bus::clear() {
  for (auto& kind : bytes_) {
    for (auto& direction : kind) direction = 0;
  }
}

void Bus::report(uint64_t (&bytes)[FAE_TRAFFIC][2]) const {
  for (int kind = 0; kind < FAE_TRAFFIC; kind++) {
    for (int direction = 0; direction < 2; direction++) bytes[kind][direction] = bytes_[kind][direction];
  }
}

}  // namespace fae::cpu
