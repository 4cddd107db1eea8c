// Optimizer step of all dense parameters in one launch. See dense_update.cu.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <vector>

#include "rows/row_update.h"

namespace fae::cuda {

// Up to `most` values of one parameter: they lie at `at` of the flat weights (and states), their gradient is the sum of `parts`
// arrays `stride` apart.
struct DensePiece {
  static constexpr uint32_t most = 1024;
  const float* gradient;
  int64_t stride;
  uint32_t at;
  uint32_t count;  // multiple of 4
  uint32_t parts;
};

struct DenseUpdate {
  const DensePiece* pieces = nullptr;  // on the device
  uint32_t count = 0;
  float* weights = nullptr;
  float* state[2] = {nullptr, nullptr};
  StepState* step = nullptr;
  SegmentArrays arrays{};
  // Not null: write the summed gradient at its flat place instead of updating (server route).
  float* gradients = nullptr;
};

// Cuts a parameter into pieces: one block each.
void add_pieces(std::vector<DensePiece>& pieces, const float* gradient, int64_t stride, uint32_t parts, uint32_t at, uint32_t count);
void dense_update(const DenseUpdate& update, const OptimizerSettings& optimizer, cudaStream_t stream);

}  // namespace fae::cuda
