// Orders the row numbers of a batch: stable, so that occurrences of a row stay in input order. See row_sort.cu.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace fae::cuda {

struct RowSort {
  uint32_t count = 0;
  int bits = 32;  // row numbers that occur are below 2^bits - 1
  size_t workspace_bytes = 0;
};

// rows: how many rows a number can name. Needs a device.
RowSort plan_row_sort(uint32_t count, uint64_t rows);

// keys [count] -> sorted_keys; occurrences: pooled row of each position -> sorted_occurrences.
void row_sort(const RowSort& plan, const uint32_t* keys, uint32_t* sorted_keys, const uint32_t* occurrences, uint32_t* sorted_occurrences,
              void* workspace, cudaStream_t stream);

}  // namespace fae::cuda
