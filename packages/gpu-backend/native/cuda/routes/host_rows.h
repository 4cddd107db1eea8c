// The rows that a session keeps in host memory (huge pages, or mapped files larger than RAM), with their optimizer state, and
// the work on them that host threads do: pooling, gathering, updating.
#pragma once

#include <cstdint>
#include <vector>

#include "distinct.h"
#include "job.h"
#include "kernels.h"
#include "pages.h"
#include "thread_pool.h"

namespace fae::cuda {

// Numbers of one optimizer step, as the host kernels take them; `step` counts from 1.
cpu::OptimizerStep host_step(const Job& job, double learning_rate, double step);

class HostRows {
 public:
  // Rows [host_from, N) of every table, drawn. Throws FAE_OUT_OF_MEMORY before anything is taken when they do not fit.
  HostRows(const Job& job, ThreadPool& pool);

  // slot -1: the rows; then the optimizer's slots.
  uint32_t columns(int slot) const { return widths_[slot + 1]; }
  int slots() const { return static_cast<int>(widths_.size()) - 1; }
  float* row(uint32_t table, int slot, uint32_t id) const {
    return base_[slot + 1][table] + static_cast<uint64_t>(id - job_.tables[table].host_from) * widths_[slot + 1];
  }
  uint64_t bytes() const;

  // out [inputs, S', T, D] = pooled rows of the ids in `words`; tiles over the pool.
  void pool_rows(const uint32_t* words, uint32_t inputs, float* out, ThreadPool& pool) const;
  // One optimizer step on every distinct row; gradients [inputs * S', T, D]. dirty: per table bytes of hot rows, or empty.
  void update(const Distinct& distinct, const float* gradients, const cpu::OptimizerStep& step, const std::vector<uint8_t*>& dirty, ThreadPool& pool) const;
  // The same for listed rows of one table with their gradients summed already, [count, D]. Single-threaded.
  void update_listed(uint32_t table, const uint32_t* ids, uint32_t count, const float* sums, const cpu::OptimizerStep& step) const;

  void read(uint32_t table, int slot, const uint32_t* rows, uint64_t count, float* out) const;
  void write(uint32_t table, int slot, const uint32_t* rows, uint64_t count, const float* in) const;

 private:
  cpu::RowSpace space(uint32_t table, int slot) const;
  cpu::RowUpdate update_of(uint32_t table, const cpu::OptimizerStep& step) const;

  const Job& job_;
  const cpu::Kernels& kernels_;
  std::vector<uint32_t> widths_;
  std::vector<std::vector<float*>> base_;  // [slot + 1][table]
  std::vector<Pages> pages_;
  std::vector<uint32_t> hotness_;
};

}  // namespace fae::cuda
