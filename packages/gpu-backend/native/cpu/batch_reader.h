// Reads the batches of a segment on a thread of its own, a few ahead, so that a slow disk or scattered inputs do not stop the
// computing threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "row_source.h"

namespace fae::cpu {

struct BatchWords {
  uint32_t number = 0;
  uint32_t inputs = 0;
  uint32_t* words = nullptr;  // [inputs, stride words]
};

// Buffers that readers fill, one reader at a time; a batch may be prepared in them by `after_read`.
struct ReaderBuffers {
  std::vector<uint32_t*> words;
};

class BatchReader {
 public:
  // `ordered`: row order (evaluation).
  BatchReader(const RowSource& source, const ReaderBuffers& buffers, const uint32_t* batches, uint32_t count, uint32_t epoch, bool ordered);
  ~BatchReader();
  BatchReader(const BatchReader&) = delete;
  BatchReader& operator=(const BatchReader&) = delete;

  // The next batch, in order; rethrows what reading it threw. It stays valid until `release`.
  const BatchWords& next();
  void release();
  // Seconds spent reading so far.
  double seconds() const { return seconds_; }

 private:
  void read();

  const RowSource& source_;
  const uint32_t* batches_;
  const uint32_t count_, epoch_;
  const bool ordered_;
  struct Slot {
    BatchWords batch;
    std::exception_ptr failure;
  };
  std::vector<Slot> slots_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint32_t filled_ = 0, taken_ = 0, released_ = 0;
  bool stopping_ = false;
  double seconds_ = 0;
  std::thread thread_;
};

}  // namespace fae::cpu
