// Row look-up into a pooled tensor, initial rows, and copies between rows and staging buffers. See lookup.cu.
#pragma once

#include "ops/row_access.h"
#include "step/step_state.h"

namespace fae::cuda {

// out [vectors, tables, stride] = pooled rows; for programs whose rows do not go straight into an interaction.
template <class Row>
void lookup_forward(float* out, const RowAccess<Row>& rows, uint32_t vectors, cudaStream_t stream);

// rows [count, stride] = `width` uniform draws each, by original id (random.h), the same bits as on the host; pads 0.
template <class Row>
void draw_uniform_rows(Row* rows, uint32_t stride, uint32_t width, const uint32_t* original, uint32_t count, uint32_t seed, uint32_t key,
                       double bound, cudaStream_t stream);

// packed [count, columns] <-> rows listed in `list` (null: 0, 1, ...) of a [*, stride] array. `first` is added to every row.
template <class Row>
void gather_rows(float* packed, const Row* rows, uint32_t stride, uint32_t columns, const uint32_t* list, uint64_t first, uint32_t count,
                 cudaStream_t stream);
template <class Row>
void scatter_rows(Row* rows, uint32_t stride, uint32_t columns, const float* packed, const uint32_t* list, uint64_t first, uint32_t count,
                  cudaStream_t stream);

}  // namespace fae::cuda
