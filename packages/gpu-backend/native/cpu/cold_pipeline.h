// The mixed route's look-ahead: a thread reads, plans and fetches the batches ahead while the network computes. It copies the
// distinct cold rows of a batch, with optimizer state, from the host to device slots; rows that a batch in flight holds stay
// where they are. Updated rows go back after the last batch that uses them. Planning: common/cold_rows.h.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "arena.h"
#include "cold_rows.h"
#include "row_source.h"
#include "tables.h"
#include "thread_pool.h"

namespace fae::cpu {

// A batch whose rows are on the device.
struct ColdBatch {
  const uint32_t* words = nullptr;  // device memory, ids translated to device slots
  uint32_t inputs = 0;
};

class ColdPipeline {
 public:
  ColdPipeline(const Job& job, const Tables& tables, Arena& host, Arena& device, Bus& bus, uint32_t threads);
  ~ColdPipeline();

  // Starts a segment or, with `trains` false, an evaluation: state stays on the host, nothing goes back.
  void begin(const RowSource& source, const uint32_t* batches, uint32_t count, uint32_t epoch, bool trains);
  // Batch n, in order, when its rows are there; rethrows what preparing it threw.
  ColdBatch take(uint32_t n);
  // Batch n is done: its rows go back unless a batch in flight uses them.
  void finish(uint32_t n, ThreadPool& pool);
  // Stops the thread; must follow `begin` before the next one, also after an exception.
  void end();

  // Device slots of table t, slot by slot of the optimizer; ids from hot_rows on.
  float* slots(uint32_t t, int slot) const { return slots_[t][static_cast<size_t>(slot)]; }
  uint64_t fetched() const { return fetched_; }
  uint64_t forwarded() const { return forwarded_; }
  // Seconds that the thread spent reading, and planning and fetching.
  double read_seconds() const { return read_seconds_; }
  double gather_seconds() const { return gather_seconds_; }

 private:
  void work();
  void prepare(uint32_t n);
  void fetch(uint32_t t);

  const Job& job_;
  const Tables& tables_;
  Bus& bus_;
  std::vector<ColdTable> plans_;
  std::vector<std::vector<float*>> slots_;
  uint32_t* staging_ = nullptr;           // host: words of the batch being prepared
  std::vector<uint32_t*> device_words_;   // k + 1 batches in flight
  std::vector<uint32_t> inputs_;
  ThreadPool gatherers_;

  const RowSource* source_ = nullptr;
  const uint32_t* batches_ = nullptr;
  uint32_t count_ = 0, epoch_ = 0;
  bool trains_ = false;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint32_t planned_ = 0, ready_ = 0, finished_ = 0;
  bool stopping_ = false;
  std::exception_ptr failure_;
  uint64_t fetched_ = 0, forwarded_ = 0;
  double read_seconds_ = 0, gather_seconds_ = 0;
};

}  // namespace fae::cpu
