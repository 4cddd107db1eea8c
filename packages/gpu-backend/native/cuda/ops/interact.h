// Launchers of `interact`; formula and scheme in interact.cu.
#pragma once

#include "ops/row_access.h"

namespace fae::cuda {

struct InteractShape {
  uint32_t vectors, tables, width, stride;  // stride: width padded to 4, also of x
  bool self;
  uint32_t output_ld;
  uint32_t pairs() const { return (tables + 1) * (tables + (self ? 2 : 0)) / 2; }
};

// Bytes of shared memory that one vector needs; more than `interact_shared_limit` cannot run.
size_t interact_shared_bytes(const InteractShape& shape);
constexpr size_t interact_shared_limit = 96 * 1024;
void interact_prepare();

// out [vectors, output_ld] = x [vectors, stride], dots. Pads of out are written as 0. rows_settled: the kernel before this one on the
// stream wrote none of what `rows` points at, so that rows can be fetched while it ends.
template <class Row>
void interact_forward(float* out, const float* x, const RowAccess<Row>& rows, bool rows_settled, const InteractShape& shape, cudaStream_t stream);

struct InteractGradients {
  float* x = nullptr;     // null: not wanted
  float* rows = nullptr;  // [vectors, tables, stride]
  bool add_x = false, add_rows = false;
  bool relu_x = false;  // x is a ReLU's output and this is its only gradient: keep it only where x > 0
};
// pair_rows: [pairs] (i << 16 | j) of each dot, see interact_pairs.
template <class Row>
void interact_backward(const InteractGradients& gradients, const float* out_gradient, const float* x, const RowAccess<Row>& rows,
                       const uint32_t* pair_rows, const InteractShape& shape, cudaStream_t stream);
uint32_t interact_pair(uint32_t p, bool self);

}  // namespace fae::cuda
