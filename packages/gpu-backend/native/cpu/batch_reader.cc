#include "batch_reader.h"

#include "clock.h"
#include "thread_pool.h"

namespace fae::cpu {

BatchReader::BatchReader(const RowSource& source, const ReaderBuffers& buffers, const uint32_t* batches, uint32_t count, uint32_t epoch, bool ordered)
    : source_(source), batches_(batches), count_(count), epoch_(epoch), ordered_(ordered), slots_(buffers.words.size()) {
  for (size_t i = 0; i < slots_.size(); i++) slots_[i].batch.words = buffers.words[i];
  thread_ = start_thread([this] { read(); });
}

BatchReader::~BatchReader() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BatchReader::read() {
  for (uint32_t i = 0; i < count_; i++) {
    Slot& slot = slots_[i % slots_.size()];
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || i < released_ + slots_.size(); });
      if (stopping_) return;
    }
    const double start = now();
    slot.batch.number = batches_[i];
    try {
      slot.batch.inputs = source_.copy_batch(batches_[i], epoch_, ordered_, slot.batch.words);
    } catch (...) {
      slot.failure = std::current_exception();
    }
    const bool failed = slot.failure != nullptr;
    {
      const std::lock_guard lock(mutex_);
      filled_++;
      seconds_ += now() - start;
    }
    changed_.notify_all();
    if (failed) return;
  }
}

const BatchWords& BatchReader::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return filled_ > taken_; });
  const Slot& slot = slots_[taken_++ % slots_.size()];
  if (slot.failure) std::rethrow_exception(slot.failure);
  return slot.batch;
}

void BatchReader::release() {
  {
    const std::lock_guard lock(mutex_);
    released_++;
  }
  changed_.notify_all();
}

}  // namespace fae::cpu
