// Waiting for a change of shared state.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "support/relax.h"

namespace fae::cuda {

// Waits spin before they sleep: a hand-over between threads must not cost more than the work that is handed over.
class Signal {
 public:
  // Wakes everyone who waits; the lock of the state is held.
  void announce() {
    version_.fetch_add(1, std::memory_order_release);
    changed_.notify_all();
  }

  // Returns with the lock held and `done()` true. `done` reads state that changes under the lock only.
  template <class Done>
  void await(std::unique_lock<std::mutex>& lock, Done done) {
    while (!done()) {
      const uint64_t seen = version_.load(std::memory_order_relaxed);
      lock.unlock();
      for (int i = 0; i < spins && version_.load(std::memory_order_acquire) == seen; i++) relax();
      lock.lock();
      if (version_.load(std::memory_order_relaxed) == seen && !done()) {
        changed_.wait_for(lock, std::chrono::milliseconds(100), [&] { return version_.load(std::memory_order_relaxed) != seen; });
      }
    }
  }

 private:
  std::condition_variable changed_;
  std::atomic<uint64_t> version_{0};
};

}  // namespace fae::cuda
