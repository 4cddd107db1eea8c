#include "thread_pool.h"

#include <chrono>
#include <string>
#include <utility>

#include "status.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace fae {

namespace {

// Waiting threads look for work this long before they sleep: a step has a dozen short phases, and waking costs as much as one.
constexpr auto patience = std::chrono::microseconds(50);

void pause_thread() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

template <class Condition>
bool spin_until(Condition&& condition) {
  const auto end = std::chrono::steady_clock::now() + patience;
  do {
    for (int i = 0; i < 64; i++) {
      if (condition()) return true;
      pause_thread();
    }
  } while (std::chrono::steady_clock::now() < end);
  return condition();
}

}  // namespace

uint32_t usable_threads() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return static_cast<uint32_t>(CPU_COUNT(&set));
#endif
  const uint32_t n = std::thread::hardware_concurrency();
  return n > 0 ? n : 1;
}

void start_threads(std::vector<std::thread>& threads, uint32_t count, const std::function<void(uint32_t number)>& body, const std::function<void()>& stop) {
  std::string why;
  uint32_t number = 0;
  try {
    threads.reserve(threads.size() + count);
    for (; number < count; number++) threads.emplace_back(body, number);
    return;
  } catch (const std::exception& error) {
    why = error.what();
  }
  stop();
  for (std::thread& thread : threads) thread.join();
  threads.clear();
  fail(FAE_ENGINE, "Cannot start thread " + std::to_string(number + 1) + " of " + std::to_string(count) + ": " + why +
                       ". Allow this process more threads (ulimit -u, or the pids limit of the container), or train with fewer threads or servers.",
       {fact("needThreads", count), fact("startedThreads", number)});
}

std::thread start_thread(std::function<void()> body) {
  std::vector<std::thread> one;
  start_threads(one, 1, [body = std::move(body)](uint32_t) { body(); }, [] {});
  return std::move(one.front());
}

ThreadPool::ThreadPool(uint32_t threads) {
  if (threads == 0) threads = usable_threads();
  start_threads(workers_, threads - 1, [this](uint32_t number) { work(number + 1); }, [this] { stop(); });
}

ThreadPool::~ThreadPool() {
  stop();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

bool ThreadPool::take_one(uint32_t worker) {
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  do {
    if (static_cast<uint32_t>(ticket) == 0) return false;
  } while (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel, std::memory_order_acquire));
  // Holding an unfinished tile keeps the round open, so `tiles_`, `tile_` and `context_` belong to it.
  if (!failed_.load(std::memory_order_relaxed)) {
    try {
      tile_(context_, tiles_ - static_cast<uint32_t>(ticket), worker);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      failed_ = true;
    }
  }
  if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1 && worker != 0) {
    { const std::lock_guard lock(mutex_); }
    done_.notify_one();
  }
  return true;
}

void ThreadPool::work(uint32_t worker) {
  const auto called = [this] { return stopping_.load() || static_cast<uint32_t>(ticket_.load(std::memory_order_acquire)) != 0; };
  for (;;) {
    if (!spin_until(called)) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, called);
    }
    if (stopping_) return;
    while (take_one(worker)) {
    }
  }
}

void ThreadPool::run_tiles(uint32_t tiles, Tile tile, void* context) {
  if (tiles == 0) return;
  if (tiles == 1 || workers_.empty()) {
    for (uint32_t i = 0; i < tiles; i++) tile(context, i, 0);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    tiles_ = tiles;
    tile_ = tile;
    context_ = context;
    failure_ = nullptr;
    failed_ = false;
    unfinished_.store(tiles, std::memory_order_relaxed);
    ticket_.store((((ticket_.load() >> 32) + 1) << 32) | tiles, std::memory_order_release);
  }
  wake_.notify_all();
  while (take_one(0)) {
  }
  const auto finished = [this] { return unfinished_.load(std::memory_order_acquire) == 0; };
  if (!spin_until(finished)) {
    std::unique_lock lock(mutex_);
    done_.wait(lock, finished);
  }
  if (failed_) std::rethrow_exception(failure_);
}

}  // namespace fae
