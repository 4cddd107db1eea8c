// Orders the row numbers of a batch: stable, so that occurrences of a row stay in input order. See row_sort.cu.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fae::cuda {

// What the ids of one table may name, and which of a vector's ids they are.
struct TableSpan {
  uint32_t first_row = 0;
  uint32_t bits = 1;  // the table has fewer than 2^bits rows
  uint32_t first_id = 0, hotness = 1;
};

struct RowSort {
  uint32_t vectors = 0, ids = 0;  // ids of one vector, all tables
  uint32_t longest = 0;           // ids of a batch that name rows of one table, at most
  int bits = 32;                  // row numbers that occur are below 2^bits - 1
  size_t workspace_bytes = 0;
};

struct RowSortArrays {
  const uint32_t* index = nullptr;   // [vectors, ids] row numbers or no_row
  const uint32_t* pooled = nullptr;  // [vectors, ids] pooled row of each
  const TableSpan* spans = nullptr;  // [tables]
  uint32_t tables = 0;
  uint32_t* keys = nullptr;         // [vectors * ids] row numbers, ascending, no_row behind those of its table or behind all
  uint32_t* occurrences = nullptr;  // [vectors * ids] their pooled rows
};

// first_rows [tables + 1]: row numbers of table t are in [first_rows[t], first_rows[t + 1]).
std::vector<TableSpan> table_spans(const std::vector<uint64_t>& first_rows, const std::vector<uint32_t>& hotness);

// rows: how many rows a number can name. Needs a device.
RowSort plan_row_sort(uint32_t vectors, const std::vector<TableSpan>& spans, uint64_t rows);
void row_sort(const RowSort& plan, const RowSortArrays& arrays, void* workspace, cudaStream_t stream);

}  // namespace fae::cuda
