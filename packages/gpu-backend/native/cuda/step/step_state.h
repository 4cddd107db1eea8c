// What differs between two launches of one graph: it lies in device memory, so a graph is replayed without being changed.
#pragma once

#include <cstdint>

namespace fae::cuda {

// One batch of a segment or evaluation, written by the host before the first launch.
struct StepRecord {
  uint32_t inputs;      // real inputs of the batch, <= B; the others have weight 0
  uint32_t slot;        // which slot of the input ring, and of the cold-row rings
  float learning_rate;
  uint32_t cold_slot;   // mixed: which slot of the cold rows' staging rings
  double step;          // updates done before this one plus 1: Adam's t
};

constexpr int stamp_count = 4;  // decode started, loss known, gradients known, updates done

struct StepState {
  StepRecord now;          // copied from the records by the step's first kernel
  float inverse_inputs;    // 1 / now.inputs
  uint32_t cursor;         // record of the next step; advanced by the loss kernel
  uint32_t done_blocks;    // of the loss kernel
  uint32_t long_runs;      // runs listed by the row update
  // First input that names a row beyond its table: index + 1 of the id in the batch, 0 none; and the id found there.
  uint32_t bad_id, bad_value, bad_cursor;
  uint32_t fetched, written;  // mixed: counters of the two compactions
};

// Where the host's arrays of a segment lie on the device.
struct SegmentArrays {
  StepRecord* records;
  double* losses;              // mean loss per step
  unsigned long long* stamps;  // [step][stamp_count], nanoseconds
};

}  // namespace fae::cuda
