// The host side of the mixed route: plans cold rows on the reader threads, gathers them into pinned slots ahead of the device,
// and brings back the ones that no batch in flight will use again.
//
//   reader threads   copy words; plan table after table, each table's batches in order (common/cold_rows.h); mark first occurrences
//   gather threads   copy fetched rows of a batch to its pinned slot once batch n - k - 1 is back; scatter returned rows
//   driver           (DeviceLoop) copies words and rows over, launches the step, starts the copy back
//   returns thread   waits for the copies back, in order, and has them scattered
//
// A row is read from the host only after every batch that changed it there has come back: batches n - k .. n - 1 forward it on the
// device instead.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "cold_rows.h"
#include "routes/device_loop.h"
#include "routes/host_rows.h"
#include "rows/cold_lists.h"
#include "rows/device_rows.h"

namespace fae::cuda {

class MixedPipeline {
 public:
  // Device slots per table: before DeviceRows is made.
  static std::vector<uint32_t> cold_slots(const Job& job);

  MixedPipeline(const Job& job, Core& core, const HostRows& host, const DeviceRows& rows, uint32_t ring_slots);
  ~MixedPipeline();
  // Device arrays are reserved by the constructor; pinned memory and threads come here.
  void allocate(Feeder& feeder, const DeviceRows& rows);
  uint64_t host_bytes() const { return staging_in_.bytes() + staging_out_.bytes(); }

  // What the step's graph does with cold rows, on the rows lane.
  void record_insert(Lanes& lanes, const uint32_t* ring, bool with_state) const;
  void record_collect(Lanes& lanes) const;

  // Hooks around one part of the device loop. A part that fails leaves the rows in flight lost: the session is poisoned then.
  DeviceLoop::Hooks begin(uint32_t count, bool training, double* seconds, uint64_t bytes[FAE_TRAFFIC][2]);
  void clear_counts() { fetched_ = forwarded_ = 0; }
  uint64_t fetched() const { return fetched_; }
  uint64_t forwarded() const { return forwarded_; }

 private:
  struct Reference {
    uint32_t table, row;
  };
  struct BatchPlan {
    std::vector<Reference> fetch, write;
    std::vector<std::vector<Reference>> write_by_table;
    uint32_t parts_left = 0;
  };
  struct Task {
    uint32_t batch, first, count;
    bool gathers;
  };

  uint32_t cold_ring() const { return job_.look_ahead + 3; }
  BatchPlan& plan(uint32_t i) { return plans_[i % plans_.size()]; }
  int32_t* ids(uint32_t i) const { return reinterpret_cast<int32_t*>(feeder_->words(i)) + 1 + job_.dense_features; }
  void prepare(uint32_t i, uint32_t inputs, uint32_t* words);
  // The cold look-ups of a batch by table: one pass over its words.
  void list_uses(const IdLayout& layout, std::vector<std::vector<ColdUse>>& uses) const;
  void finish_table(uint32_t table, uint32_t batch);
  void publish(uint32_t i);
  void offer_gathers(std::unique_lock<std::mutex>& lock);
  void offer(uint32_t batch, size_t rows, bool gathers);
  void close();
  void work();
  void take_task(std::unique_lock<std::mutex>& lock);
  void carry_out(const Task& task);
  void return_rows();
  void send(uint32_t i, cudaStream_t copies);
  void receive(uint32_t i, cudaStream_t main);
  // Waits until everything is back on the host.
  void end();
  void wait_until(const std::function<bool()>& done);
  // Wakes everyone who waits for a change; the lock is held.
  void announce();
  // Until `done`, first by spinning: a hand-over between threads must not cost more than the work handed over.
  template <class Done>
  void await(std::unique_lock<std::mutex>& lock, Done done);

  const Job& job_;
  Core& core_;
  const HostRows& host_;
  ColdLists lists_;
  ColdStaging in_;  // the way out has the same layout
  uint64_t capacity_ = 0;
  Buffer<uint32_t> fetched_list_, written_list_;
  Buffer<uint2> counts_;
  Buffer<float> device_in_, device_out_;
  Pinned staging_in_, staging_out_;
  Feeder* feeder_ = nullptr;
  std::vector<ColdTable> tables_;
  std::vector<uint32_t> first_cold_;  // per id of one step: ids from here on are cold
  std::vector<uint32_t> cold_columns_, cold_tables_;  // ids of one step that can be cold, and their tables
  std::unique_ptr<std::atomic<uint32_t>[]> turns_;
  std::vector<BatchPlan> plans_;
  Stream returns_;
  std::vector<Event> computed_, returned_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<uint64_t> version_{0};  // of everything below
  std::deque<Task> tasks_;
  // Batches of the run that are planned (all tables), gathered, launched, and back on the host; each a count from the first.
  std::vector<uint8_t> planned_flags_;
  uint32_t count_ = 0, planned_ = 0, offered_ = 0, launched_ = 0, back_ = 0;
  std::vector<uint8_t> gathered_;
  bool training_ = false, closing_ = false, running_ = false;
  std::exception_ptr failure_;
  double* seconds_ = nullptr;
  uint64_t (*bytes_)[2] = nullptr;
  double gather_seconds_ = 0, update_seconds_ = 0;
  std::atomic<uint64_t> fetched_{0}, forwarded_{0};
  std::vector<std::thread> threads_;
};

}  // namespace fae::cuda
