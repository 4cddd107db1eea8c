// Launchers of kernels that several ops share; one .cu each. A value is [batch * vectors, last] with rows `ld` apart,
// ld = last padded to 4, pads zero.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "gemm/gemm.h"

namespace fae::cuda {

// output_activation.cu: of linear
// g *= activation'(y), both [rows, ld], in place.
void activation_backward(float* g, const float* y, uint64_t elements, OutputActivation activation, cudaStream_t stream);
// y = activation(y) on the first `columns` of each row of `ld`; for products whose library epilogue lacks it.
void activation_forward(float* y, uint32_t rows, uint32_t columns, uint32_t ld, OutputActivation activation, cudaStream_t stream);

// column_sums.cu: sums[part][columns] over equal shares of the rows of x [rows, ld]; `columns` a multiple of 4.
constexpr uint32_t column_sum_parts = 16;
void column_sums(float* sums, int64_t stride, const float* x, uint32_t rows, uint32_t columns, uint32_t ld, cudaStream_t stream);

// block_copy.cu: the part of concat and slice.
struct BlockView {
  float* data;
  uint32_t last, ld;      // of each vector
  uint32_t vectors;       // per outer index
  uint32_t first;         // flat element of each outer index where the block starts
};
enum class BlockMode {
  copy,       // to = from
  add,        // to += from
  copy_rest0  // to = from, and the other elements of `to` become 0
};
void block_copy(const BlockView& to, const BlockView& from, uint32_t outers, uint32_t count, BlockMode mode, cudaStream_t stream);

// attention.cu: batch-dot a[r] = H[r] . q and weighted-sum c = sum_r y[r] H[r]; H [batch, r, k_ld], q and c [batch, k_ld], a and y [batch, r_ld].
struct Attention {
  uint32_t batch, r, k, r_ld, k_ld;
};
void batch_dot(float* a, const float* h, const float* q, const Attention& s, cudaStream_t stream);
void weighted_sum(float* c, const float* y, const float* h, const Attention& s, cudaStream_t stream);
// dH[r][k] (+)= s[r] v[k]: the outer product that both gradients need.
void outer_product(float* dh, const float* s_r, const float* v_k, const Attention& s, bool add, cudaStream_t stream);
// The same two sums, added to what is there.
void batch_dot_add(float* a, const float* h, const float* q, const Attention& s, cudaStream_t stream);
void weighted_sum_add(float* c, const float* y, const float* h, const Attention& s, cudaStream_t stream);

}  // namespace fae::cuda
