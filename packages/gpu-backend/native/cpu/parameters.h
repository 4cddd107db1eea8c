// Dense parameters: values, gradients, optimizer state, and the packed copies that the matrix kernels read.
#pragma once

#include <cstdint>
#include <vector>

#include "arena.h"
#include "job.h"
#include "kernels.h"

namespace fae::cpu {

// All parameters one after another, each at its offset.
struct ParameterOffsets {
  explicit ParameterOffsets(const Job& job);
  std::vector<uint64_t> first;  // per parameter
  uint64_t total = 0;
};

// Values and optimizer state where they are updated (`state[slot]` null without that slot).
struct ParameterStore {
  ParameterStore(const Job& job, const ParameterOffsets& offsets, Arena& arena);
  float* values = nullptr;
  float* state[2] = {nullptr, nullptr};
};

// The network's view: values to compute with, gradients, and packed matrices.
class NetworkParameters {
 public:
  // `values`: where the network reads parameters; memory of its own for gradients and panels comes from `arena`.
  NetworkParameters(const Job& job, const ParameterOffsets& offsets, const Kernels& kernels, float* values, Arena& arena, bool trains);

  float* all_values() const { return values_; }
  const float* values(uint32_t param) const { return values_ + offsets_.first[param]; }
  float* gradients() const { return gradients_; }
  float* gradient(uint32_t param) const { return gradients_ + offsets_.first[param]; }
  // Right operand of x W' (forward) and of dy W (backward); `transposed`: W is read as [K, M].
  const float* forward_panels(uint32_t param, bool transposed) const;
  const float* backward_panels(uint32_t param, bool transposed) const;

  // Parts of all parameters that are independent of each other. `finish` updates a part, when `store` is given, and packs it.
  uint32_t parts() const { return static_cast<uint32_t>(parts_.size()); }
  void finish(uint32_t part, const ParameterStore* store, const OptimizerStep& step) const;

 private:
  struct Matrix2 {
    bool used = false;  // as the weight of a product
    uint32_t rows = 0, columns = 0;
    float* straight = nullptr;
    float* transposed = nullptr;
  };
  struct Part {
    uint32_t param;
    uint64_t from, to;              // elements
    uint32_t first_row, last_row;   // of a matrix
  };
  const ParameterOffsets& offsets_;
  const Kernels& kernels_;
  float* values_;
  float* gradients_ = nullptr;
  std::vector<Matrix2> matrices_;
  std::vector<Part> parts_;
};

}  // namespace fae::cpu
