#include "routes/feeder.h"

#include <chrono>

#include "thread_pool.h"

namespace fae::cuda {

double now_seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

Feeder::Feeder(uint32_t threads, uint32_t slots, size_t slot_words) : slots_(slots), slot_words_(slot_words), memory_(slots * slot_words * 4) {
  start_threads(threads_, threads, [this](uint32_t) { work(); }, [this] { close(); });
}

Feeder::~Feeder() {
  close();
  for (std::thread& thread : threads_) thread.join();
}

void Feeder::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    stop_ = true;
  }
  wake_.notify_all();
}

void Feeder::start(Work work) {
  {
    const std::lock_guard lock(mutex_);
    work_ = std::move(work);
    ready_.assign(work_.count, 0);
    released_flags_.assign(work_.count, 0);
    next_ = released_ = 0;
    failure_ = nullptr;
    busy_seconds_ = 0;
    stop_ = false;
    running_ = true;
  }
  wake_.notify_all();
}

void Feeder::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return closing_ || (running_ && !stop_ && next_ < work_.count && next_ < released_ + slots_); });
    if (closing_) return;
    const uint32_t i = next_++;
    busy_++;
    lock.unlock();
    const double begin = now_seconds();
    std::exception_ptr failure;
    try {
      const uint32_t inputs = work_.source->copy_batch(work_.batches[i], work_.epoch, work_.ordered, words(i));
      if (work_.hooks) work_.hooks->prepare(i, inputs, words(i));
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    busy_--;
    busy_seconds_ += now_seconds() - begin;
    if (failure) {
      if (!failure_) failure_ = failure;
      stop_ = true;
    } else {
      ready_[i] = 1;
    }
    ready_wake_.notify_all();
  }
}

void Feeder::wait(uint32_t i) {
  std::unique_lock lock(mutex_);
  ready_wake_.wait(lock, [&] { return ready_[i] || failure_; });
  // Batches before the broken one have been trained; the first failure ends the segment.
  if (!ready_[i]) std::rethrow_exception(failure_);
}

void Feeder::rethrow() {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

void Feeder::release(uint32_t i) {
  {
    const std::lock_guard lock(mutex_);
    released_flags_[i] = 1;
    while (released_ < work_.count && released_flags_[released_]) released_++;
  }
  wake_.notify_all();
}

double Feeder::finish() {
  std::unique_lock lock(mutex_);
  stop_ = true;
  running_ = false;
  ready_wake_.wait(lock, [&] { return busy_ == 0; });
  return busy_seconds_;
}

}  // namespace fae::cuda
