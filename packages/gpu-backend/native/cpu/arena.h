// The two places. Memory is asked for when a session opens and given back when it closes; nothing is allocated in between.
// The device of this engine is an arena of its own: what is in it got there by a counted copy or was made there.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "fae.h"
#include "names.h"
#include "pages.h"

namespace fae::cpu {

class Arena {
 public:
  explicit Arena(HostBudget& budget) : budget_(budget) {}
  // `count` zeroed values, aligned to 64 bytes, with 256 readable bytes behind them.
  template <class T>
  T* make(uint64_t count, const std::string& purpose) {
    return static_cast<T*>(take(count * sizeof(T), purpose));
  }
  // The same in a file.
  float* make_mapped(uint64_t count, const std::string& path);
  uint64_t bytes() const { return bytes_; }

 private:
  void* take(uint64_t bytes, const std::string& purpose);
  HostBudget& budget_;
  std::vector<Pages> pages_;
  char* small_ = nullptr;
  uint64_t small_left_ = 0;
  uint64_t bytes_ = 0;
};

// The only way between the places: every copy is counted where it is made.
class Bus {
 public:
  void copy(Traffic kind, Direction direction, void* to, const void* from, uint64_t bytes);
  // For copies made row by row by a loop of its own: counts `bytes` that it has copied.
  void count(Traffic kind, Direction direction, uint64_t bytes) { bytes_[kind][direction].fetch_add(bytes, std::memory_order_relaxed); }
  void clear();
  void report(uint64_t (&bytes)[FAE_TRAFFIC][2]) const;

 private:
  std::atomic<uint64_t> bytes_[FAE_TRAFFIC][2] = {};
};

}  // namespace fae::cpu
