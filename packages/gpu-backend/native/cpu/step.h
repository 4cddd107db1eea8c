// One training step on rows that the network's place can reach, and the forward half of it.
#pragma once

#include <cstdint>

#include "session.h"

namespace fae::cpu {

// One batch as the step sees it.
struct StepInput {
  const uint32_t* words = nullptr;  // host words on the host and hybrid routes, device words on the others
  uint32_t inputs = 0;
  DenseEncoding encoding = DenseEncoding::float32;
  const RowPlaces* places = nullptr;  // of the ids in `words`
  // Rows are on the host and the network is not: pooled rows go over, their gradients come back.
  bool hybrid = false;
  // Rows are updated elsewhere: their summed gradients go to `sums`, table t's distinct row i at sums[first id of t's share + i].
  float* sums = nullptr;
  // Doubled: where to note the rows that change.
  bool marks_host = false, marks_device = false;
};

// Forward, loss, backward, gradients of all parameters, update of rows (or their sums) and parameters. Returns the mean loss.
// Throws FAE_DIVERGED, before anything is updated, when it is not finite. `updates_parameters` false: gradients only.
double train_step(Session& session, const StepInput& input, double learning_rate, bool updates_parameters);

// Scores and labels of one batch, and the sum of its losses.
double forward_step(Session& session, const StepInput& input, float* scores, uint8_t* labels);

}  // namespace fae::cpu
