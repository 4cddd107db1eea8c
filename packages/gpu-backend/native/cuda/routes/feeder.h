// Reader threads: copy the batches of a segment from their source into pinned slots, in order, ahead of the device.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "routes/batch_hooks.h"
#include "routes/word_ring.h"
#include "row_source.h"
#include "support/arena.h"

namespace fae::cuda {

class Feeder {
 public:
  // `slots` pinned slots of `slot_words` words each.
  Feeder(uint32_t threads, uint32_t slots, size_t slot_words);
  ~Feeder();
  Feeder(const Feeder&) = delete;
  Feeder& operator=(const Feeder&) = delete;

  uint32_t slots() const { return slots_; }
  uint32_t* words(uint32_t i) const { return ring().words(i); }
  WordRing ring() const { return {memory_.as<uint32_t>(), slots_, slot_words_}; }

  // Starts reading: batch i of the segment is number batches[i] of `source`. `hooks->prepare` runs on the reader's thread after
  // the words of batch i are in place; its failures count as the reader's.
  struct Work {
    const RowSource* source = nullptr;
    const uint32_t* batches = nullptr;
    uint32_t count = 0, epoch = 0;
    bool ordered = false;
    BatchHooks* hooks = nullptr;  // null: none
  };
  void start(Work work);
  // Blocks until batch i is ready. Throws what a reader threw.
  void wait(uint32_t i);
  // Batch i's slot may be written again.
  void release(uint32_t i);
  // Ends the segment early or after its last batch; no reader runs afterwards. Returns the readers' busy seconds.
  double finish();
  // Throws what a reader threw, if one did.
  void rethrow();
  // True once a reader failed or the segment is being given up.
  const std::atomic<bool>& stop_flag() const { return stop_; }
  bool stopping() const { return stop_.load(std::memory_order_relaxed); }

 private:
  void work();
  void close();

  uint32_t slots_;
  size_t slot_words_;
  Pinned memory_;
  Work work_;
  std::mutex mutex_;
  std::condition_variable wake_, ready_wake_;
  std::vector<uint8_t> ready_;
  uint32_t next_ = 0, released_ = 0, busy_ = 0;
  std::vector<uint8_t> released_flags_;
  bool running_ = false, closing_ = false;
  std::atomic<bool> stop_{false};
  std::exception_ptr failure_;
  double busy_seconds_ = 0;
  std::vector<std::thread> threads_;
};

// Wall clock in seconds.
double now_seconds();

}  // namespace fae::cuda
