// Host threads that copy cold rows between host memory and pinned staging: gathers before a batch, scatters behind it.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "routes/host_rows.h"
#include "routes/mixed/cold_planner.h"
#include "routes/mixed/progress.h"
#include "routes/mixed/staging.h"

namespace fae::cuda {

// The rows of one batch, in one direction. Done when no part is left.
struct Transfer {
  Direction way = to_device;
  uint32_t batch = 0;
  uint32_t slots = 0;
  const std::vector<RowReference>* rows = nullptr;
  uint32_t parts_left = 0;
  bool is_done() const { return parts_left == 0; }
};

class GatherPool {
 public:
  GatherPool(const HostRows& host, const Staging& staging, const ColdPlanner& planner, Progress& progress);

  // All of these with the progress locked.
  void begin();
  // Queues the gathers of all planned batches whose rows the host holds. Returns whether there was one.
  bool offer_gathers();
  // Whether batch i's rows are in pinned memory.
  bool is_gathered(uint32_t i) const;
  // Queues `transfer` in parts.
  void offer(Transfer& transfer);
  bool is_idle() const { return tasks_.empty(); }
  // Takes the oldest part, works on it without the lock, and announces when its transfer is complete.
  void take(std::unique_lock<std::mutex>& lock);
  double seconds(Direction way) const { return seconds_[way]; }

  // Body of a thread: takes parts until the progress is closed.
  void work();

 private:
  struct Part {
    Transfer* transfer;
    uint32_t first, count;
  };
  void copy(const Part& part) const;

  const HostRows& host_;
  const Staging& staging_;
  const ColdPlanner& planner_;
  Progress& progress_;
  std::deque<Part> tasks_;
  std::vector<Transfer> gathers_;  // by batch % ring
  double seconds_[2] = {0, 0};     // by direction
};

}  // namespace fae::cuda
