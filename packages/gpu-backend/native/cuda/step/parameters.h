// The dense parameters of a program on the device: one flat array (and one per optimizer state), every parameter padded to
// multiples of 4 along both axes, and room for the parts of its gradient.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "job.h"
#include "ops/dense_update.h"
#include "support/arena.h"

namespace fae::cuda {

struct Parameter {
  uint32_t rows = 1, columns = 0;  // true shape
  uint32_t ld = 0;                 // padded columns
  uint32_t padded = 0;             // values with pads
  uint32_t at = 0;                 // first value in the flat arrays
  // Gradient parts, one range of `most_parts` per node that reads the parameter, in backward order; parts not used stay zero.
  Buffer<float> gradient;  // [uses][most_parts][padded]
  uint32_t uses = 0, most_parts = 0;
  uint32_t last_parts = 0;  // of the last use, chosen by tuning
  float* gradient_of(uint32_t use) const { return gradient.get() + static_cast<uint64_t>(use) * most_parts * padded; }
};

class Parameters {
 public:
  Parameters(const Job& job, Arena& arena);

  Parameter& operator[](uint32_t p) { return all_[p]; }
  const Parameter& operator[](uint32_t p) const { return all_[p]; }
  float* weights(uint32_t p) const { return weights_.get() + all_[p].at; }
  float* weights() const { return weights_.get(); }
  uint64_t padded_values() const { return total_; }

  // Weights, states and gradients become 0.
  void clear(cudaStream_t stream);

  // After every use knows its parts: the pieces of the update kernel.
  void plan_update();
  DenseUpdate update(StepState* state, const SegmentArrays& arrays) const;

  // slot < 0: the weights. Unpadded values, `Parameter::rows x columns`. Synchronous on `stream`.
  void read(uint32_t p, int slot, float* out, cudaStream_t stream) const;
  void write(uint32_t p, int slot, const float* in, cudaStream_t stream);
  // All parameters in order without pads, for the server route: to and from a packed array of job.param_elements() values.
  void unpack(float* packed, const float* flat) const;
  void pack(float* flat, const float* packed) const;

 private:
  float* array(int slot) const { return slot < 0 ? weights_.get() : state_[slot].get(); }

  std::vector<Parameter> all_;
  uint64_t total_ = 0;
  Buffer<float> weights_, state_[2];
  Buffer<DensePiece> pieces_;
  uint32_t piece_count_ = 0;
  uint32_t state_count_ = 0;
};

}  // namespace fae::cuda
