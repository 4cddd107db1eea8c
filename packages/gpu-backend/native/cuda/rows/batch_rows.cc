#include "rows/batch_rows.h"

#include "support/check.h"

namespace fae::cuda {

OptimizerSettings settings_of(const Job& job) {
  return {job.optimizer.name, static_cast<float>(job.optimizer.epsilon), job.optimizer.beta1, job.optimizer.beta2};
}

namespace {
std::vector<uint32_t> hotness_of(const Job& job) {
  std::vector<uint32_t> hotness;
  for (const TableSpec& table : job.tables) hotness.push_back(table.hotness);
  return hotness;
}
}  // namespace

BatchRows::BatchRows(const Job& job, Arena& arena, const std::vector<uint64_t>& first_rows)
    : job_(job), count_(job.batch * job.step_count() * job.ids_per_step), table_spans_(table_spans(first_rows, hotness_of(job))),
      plan_(plan_row_sort(job.batch * job.step_count(), table_spans_, first_rows.back())) {
  spans_ = arena.reserve<TableSpan>(table_spans_.size(), "row sort");
  index_ = arena.reserve<uint32_t>(count_, "ids");
  sorted_ = arena.reserve<uint32_t>(count_, "ids");
  pooled_ = arena.reserve<uint32_t>(count_, "ids");
  sorted_pooled_ = arena.reserve<uint32_t>(count_, "ids");
  long_runs_ = arena.reserve<uint32_t>(row_update_long_runs(count_), "ids");
  partials_ = arena.reserve<float>(static_cast<size_t>(row_update_partials(count_)) * pad4(job.width), "row update");
  workspace_ = arena.reserve<uint8_t>(plan_.workspace_bytes, "row sort");
}

void BatchRows::upload() {
  // Which pooled row each id of a batch belongs to: the same for every batch.
  std::vector<uint32_t> pooled;
  pooled.reserve(count_);
  const uint32_t tables = static_cast<uint32_t>(job_.tables.size());
  for (uint32_t vector = 0; vector < job_.batch * job_.step_count(); vector++) {
    for (uint32_t t = 0; t < tables; t++) pooled.insert(pooled.end(), job_.tables[t].hotness, vector * tables + t);
  }
  FAE_CUDA(cudaMemcpy(pooled_.get(), pooled.data(), pooled.size() * 4, cudaMemcpyHostToDevice));
  FAE_CUDA(cudaMemcpy(spans_.get(), table_spans_.data(), table_spans_.size() * sizeof(TableSpan), cudaMemcpyHostToDevice));
}

void BatchRows::sort(Lanes& lanes) const {
  lanes.after(lanes.rows(), lanes.main());
  const RowSortArrays arrays{index_.get(), pooled_.get(), spans_.get(), static_cast<uint32_t>(table_spans_.size()), sorted_.get(), sorted_pooled_.get()};
  row_sort(plan_, arrays, workspace_.get(), lanes.rows());
}

RowUpdateBuffers BatchRows::buffers(StepState* state) const {
  RowUpdateBuffers b;
  b.keys = sorted_.get();
  b.occurrences = sorted_pooled_.get();
  b.count = count_;
  b.partials = partials_.get();
  b.long_runs = long_runs_.get();
  b.state = state;
  return b;
}

void BatchRows::update(Lanes& lanes, const DeviceRows& rows, const float* gradients, StepState* state, const SegmentArrays& arrays, uint8_t* dirty) const {
  lanes.after(lanes.rows(), lanes.main());
  if (!job_.deterministic && job_.optimizer.name == OptimizerName::sgd && !rows.bf16()) {
    row_update_atomic(rows.table_f32(), gradients, index_.get(), pooled_.get(), count_, state, dirty, lanes.rows());
    return;
  }
  RowUpdateBuffers b = buffers(state);
  b.dirty = dirty;
  b.stamps = arrays.stamps;
  if (rows.bf16()) row_update(rows.table_bf16(), gradients, b, settings_of(job_), job_.seed, lanes.rows());
  else row_update(rows.table_f32(), gradients, b, settings_of(job_), job_.seed, lanes.rows());
}

void BatchRows::sum(Lanes& lanes, float* sums, const float* gradients, uint32_t width, uint32_t stride, StepState* state) const {
  lanes.after(lanes.rows(), lanes.main());
  RowUpdateBuffers b = buffers(state);
  b.gradients = sums;
  RowTable<float> table;
  table.width = width, table.stride = stride;
  row_update(table, gradients, b, OptimizerSettings{}, 0, lanes.rows());
}

}  // namespace fae::cuda
