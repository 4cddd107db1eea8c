// How a kernel finds the pooled rows of the vectors of a batch: vectors = inputs x steps, T rows each.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace fae::cuda {

// With `index`: rows straight from the tables, row r at rows + r * stride, summed over the ids of a bag in order.
// Without: `rows` holds pooled rows [vectors, tables, stride] already.
template <class Row>
struct RowAccess {
  const Row* rows = nullptr;
  const uint32_t* index = nullptr;  // [vectors, ids], no_row where a bag is short
  const uint32_t* bags = nullptr;   // [tables + 1]: where each table's ids start; null when every bag holds one id
  uint32_t ids = 0;                 // ids of one vector
  uint32_t tables = 0;
  uint32_t width = 0;   // D
  uint32_t stride = 0;  // D padded to 4
};

#ifdef __CUDACC__
// Columns 4c .. 4c + 3 of the pooled row of table t.
template <class Row>
__device__ __forceinline__ float4 pooled4(const RowAccess<Row>& a, uint32_t vector, uint32_t t, uint32_t c) {
  if (!a.index) return load4(a.rows + (static_cast<uint64_t>(vector) * a.tables + t) * a.stride + 4 * c);
  const uint32_t* index = a.index + static_cast<uint64_t>(vector) * a.ids;
  if (!a.bags) {
    const uint32_t row = index[t];
    return row == no_row ? zero4() : load4(a.rows + static_cast<uint64_t>(row) * a.stride + 4 * c);
  }
  float4 sum = zero4();
  for (uint32_t l = a.bags[t]; l < a.bags[t + 1]; l++) {
    const uint32_t row = index[l];
    if (row != no_row) sum = sum + load4(a.rows + static_cast<uint64_t>(row) * a.stride + 4 * c);
  }
  return sum;
}
#endif

}  // namespace fae::cuda
