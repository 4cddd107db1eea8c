// Embedding rows and their optimizer state, where the plan puts them: host memory for rows [host_from, N), device memory for
// rows [0, hot_rows). Where both hold the hot rows (`doubled`) exactly one copy of each is authoritative: `dirty` says which.
#pragma once

#include <cstdint>
#include <vector>

#include "arena.h"
#include "job.h"
#include "kernels.h"
#include "thread_pool.h"

namespace fae::cpu {

// One tensor per row: slot 0 the weights, then the optimizer's slots.
struct TableMemory {
  static constexpr int weights = 0;
  uint32_t widths[3] = {0, 0, 0};
  // Host: row `id` at host[slot] + (id - host_from) * width. Device: row `id` at device[slot] + id * width.
  float* host[3] = {nullptr, nullptr, nullptr};
  float* device[3] = {nullptr, nullptr, nullptr};
  // Doubled only, one byte per hot row: changed on the host (device) since the copies were last made equal.
  uint8_t* dirty_host = nullptr;
  uint8_t* dirty_device = nullptr;
};

class Tables {
 public:
  // Asks for all memory, after checking that it fits, and draws the first values.
  Tables(const Job& job, Arena& host, Arena& device, ThreadPool& pool);

  const TableMemory& operator[](uint32_t t) const { return tables_[t]; }
  uint32_t slots() const { return slots_; }  // 1 + optimizer slots
  // Values per row over all optimizer slots.
  uint32_t state_width() const { return state_width_; }

  // Row `id` of a slot in the place that holds it; doubled rows: on the host.
  float* row(uint32_t t, int slot, uint32_t id) const;

 private:
  void allocate(const Job& job, Arena& host, Arena& device);
  void draw(const Job& job, ThreadPool& pool) const;

  const Job& job_;
  std::vector<TableMemory> tables_;
  uint32_t slots_ = 1;
  uint32_t state_width_ = 0;
};

}  // namespace fae::cpu
