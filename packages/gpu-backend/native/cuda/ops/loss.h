// Launchers of the loss: alone, or fused with the last linear layer. See loss.cu.
#pragma once

#include <cuda_runtime.h>

#include "step/step_state.h"

namespace fae::cuda {

struct LossBuffers {
  const float* label = nullptr;  // [batch]
  StepState* state = nullptr;
  SegmentArrays arrays{};
  double* partials = nullptr;  // [loss_blocks]
  float* scores = nullptr;     // null, or [batch]: predicted probabilities
};
constexpr int loss_blocks = 264;

// From logits [batch, ld] (column 0): loss of the step, and with `gradient` dL/dz into column 0 of it.
void loss_forward(const float* logit, int ld, float* gradient, int batch, const LossBuffers& buffers, cudaStream_t stream);

// The last layer z = h . w + b with h [batch, k_ld] and everything behind it in one pass over h.
struct LossHead {
  const float* h = nullptr;
  const float* w = nullptr;     // [k_ld]
  const float* bias = nullptr;  // null: none
  int batch = 0, k = 0, k_ld = 0;  // k_ld <= 1024
  // Training: dh [batch, k_ld] (null: not wanted), masked where h is not positive if `relu`; parts of dw and db per block.
  bool train = false, relu = false;
  float* dh = nullptr;
  float* dw = nullptr;  // [loss_head_blocks(batch)][dw_stride]
  float* db = nullptr;  // [loss_head_blocks(batch)][db_stride]
  int dw_stride = 0, db_stride = 0;
};
constexpr int loss_head_most_k = 1024;
int loss_head_blocks(int batch);
void loss_head(const LossHead& head, const LossBuffers& buffers, cudaStream_t stream);

}  // namespace fae::cuda
