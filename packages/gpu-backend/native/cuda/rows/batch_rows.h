// The row numbers of one batch on the device: their order by row, and the update that follows from it.
#pragma once

#include <vector>

#include "job.h"
#include "rows/device_rows.h"
#include "rows/row_sort.h"
#include "rows/row_update.h"
#include "step/lanes.h"
#include "support/arena.h"

namespace fae::cuda {

class BatchRows {
 public:
  // first_rows [tables + 1]: row numbers of table t are in [first_rows[t], first_rows[t + 1]).
  BatchRows(const Job& job, Arena& arena, const std::vector<uint64_t>& first_rows);
  void upload();

  uint32_t* index() const { return index_.get(); }
  uint32_t count() const { return count_; }

  // Records: the sort may start once the index is decoded on the main lane.
  void sort(Lanes& lanes) const;
  // Records the update on the rows lane, after the sort and after what is on the main lane now.
  void update(Lanes& lanes, const DeviceRows& rows, const float* gradients, StepState* state, const SegmentArrays& arrays, uint8_t* dirty) const;
  // Records the sums of gradients by row into `sums` [rows, stride] instead of an update (server).
  void sum(Lanes& lanes, float* sums, const float* gradients, uint32_t width, uint32_t stride, StepState* state) const;

 private:
  RowUpdateBuffers buffers(StepState* state) const;

  const Job& job_;
  uint32_t count_;
  std::vector<TableSpan> table_spans_;
  RowSort plan_;
  Buffer<TableSpan> spans_;
  Buffer<uint32_t> index_, sorted_, pooled_, sorted_pooled_, long_runs_;
  Buffer<float> partials_;
  Buffer<uint8_t> workspace_;
};

OptimizerSettings settings_of(const Job& job);

}  // namespace fae::cuda
