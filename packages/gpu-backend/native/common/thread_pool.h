// A pool of threads that share numbered tiles. The caller works too. Which thread takes which tile is left to chance: tiles
// must not depend on each other, and what they compute must not depend on the thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace fae {

// Threads this process may run on (CPU affinity respected), at least 1.
uint32_t usable_threads();

// `count` threads that run `body(number)`, added to `threads`. When one cannot be started the others are ended, by `stop` and
// joining, and FAE_ENGINE is thrown, which says how many there are and what to do.
void start_threads(std::vector<std::thread>& threads, uint32_t count, const std::function<void(uint32_t number)>& body, const std::function<void()>& stop);

// One thread that runs `body`. Throws FAE_ENGINE.
std::thread start_thread(std::function<void()> body);

class ThreadPool {
 public:
  // `threads` counts the caller; 0 chooses.
  explicit ThreadPool(uint32_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  uint32_t threads() const { return static_cast<uint32_t>(workers_.size()) + 1; }

  // Runs body(tile, worker) for every tile in [0, tiles), handed out in that order; worker in [0, threads()). Returns when all are done; rethrows the first
  // exception. One caller at a time.
  template <class Body>
  void run(uint32_t tiles, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run_tiles(tiles, [](void* context, uint32_t tile, uint32_t worker) { (*static_cast<Plain*>(context))(tile, worker); },
              const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  using Tile = void (*)(void* context, uint32_t tile, uint32_t worker);
  void run_tiles(uint32_t tiles, Tile tile, void* context);
  bool take_one(uint32_t worker);
  void work(uint32_t worker);
  void stop();

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  // Round in the high half, tiles not yet taken in the low half: a thread that is late for a round finds nothing to take, so a
  // round ends when its tiles are done, not when every thread has woken up.
  std::atomic<uint64_t> ticket_{0};
  std::atomic<uint32_t> unfinished_{0};
  uint32_t tiles_ = 0;
  Tile tile_ = nullptr;
  void* context_ = nullptr;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
};

}  // namespace fae
