// Turns the raw words of a batch into labels, dense features and row numbers. See decode.cu.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "job.h"
#include "step/step_state.h"

namespace fae::cuda {

// What the words of an input are.
enum class WordLayout {
  full,        // label, then per step dense[F], ids (batch.ts)
  translated,  // the same with cold ids already slots of the device and marks in their upper bits (mixed; cold_words.h)
  dense_only,  // label, then per step dense[F] (hybrid)
};

struct DecodeArgs {
  const uint32_t* ring = nullptr;  // [slots, batch, stride_words]
  uint32_t batch = 0, steps = 1, features = 0, features_ld = 0, ids = 0, stride_words = 0;
  WordLayout layout = WordLayout::full;
  DenseEncoding encoding = DenseEncoding::float32;
  // Per id position of one step: first row number of its table on the device, and how many rows it has there.
  const uint32_t* row_base = nullptr;
  const uint32_t* row_limit = nullptr;
  StepState* state = nullptr;
  SegmentArrays arrays{};
  float* label = nullptr;     // [batch]
  float* dense = nullptr;     // [batch * steps, features_ld]
  uint32_t* index = nullptr;  // [batch * steps, ids]
};

void decode(const DecodeArgs& args, cudaStream_t stream);

}  // namespace fae::cuda
