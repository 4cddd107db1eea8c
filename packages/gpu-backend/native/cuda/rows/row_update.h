// Launchers of the row update; formula and scheme in row_update.cu.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "job.h"
#include "step/step_state.h"

namespace fae::cuda {

struct OptimizerSettings {
  OptimizerName name = OptimizerName::sgd;
  float epsilon = 0;
  double beta1 = 0, beta2 = 0;
};

// Weights and state of the rows that a session holds on the device: row r at weights + r * stride.
template <class Row>
struct RowTable {
  Row* weights = nullptr;
  float* state[2] = {nullptr, nullptr};  // by slot; stride values per row, or 1 for the row-wise accumulator
  uint32_t width = 0, stride = 0;
};

struct RowUpdateBuffers {
  const uint32_t* keys = nullptr;         // [count] sorted row numbers; no_row between tables and last
  const uint32_t* occurrences = nullptr;  // [count] pooled row of each, in input order inside a row
  uint32_t count = 0;
  float* partials = nullptr;  // row_update_partials(count) rows of `stride`
  uint32_t* long_runs = nullptr;  // [row_update_long_runs(count)]
  StepState* state = nullptr;
  uint8_t* dirty = nullptr;  // null, or one byte per row set to 1 when the row changes
  unsigned long long* stamps = nullptr;  // null, or SegmentArrays::stamps: when the updates of the step were done
  // null: apply the optimizer. Else: write the summed gradient of row r to gradients + r * stride instead.
  float* gradients = nullptr;
};

uint32_t row_update_partials(uint32_t count);
uint32_t row_update_long_runs(uint32_t count);

// gradients: [pooled rows, stride].
template <class Row>
void row_update(const RowTable<Row>& table, const float* gradients, const RowUpdateBuffers& buffers, const OptimizerSettings& optimizer,
                uint32_t seed, cudaStream_t stream);

// The unordered alternative, SGD only: every occurrence adds its part with float atomics. Not reproducible.
void row_update_atomic(const RowTable<float>& table, const float* gradients, const uint32_t* index, const uint32_t* pooled, uint32_t count,
                       const StepState* state, uint8_t* dirty, cudaStream_t stream);

}  // namespace fae::cuda
