// Stable radix sort of (row number, pooled row) pairs on as many bits as row numbers have; no_row is all ones and comes last.
// The pairs are known as soon as ids are decoded, so this runs beside the forward pass. Bytes: 16 per id and digit of 8 bits.
#include <cub/device/device_radix_sort.cuh>

#include "rows/row_sort.h"
#include "support/check.h"

namespace fae::cuda {

RowSort plan_row_sort(uint32_t count, uint64_t rows) {
  RowSort plan;
  plan.count = count;
  plan.bits = 1;
  while (plan.bits < 32 && (1ull << plan.bits) - 1 <= rows) plan.bits++;
  FAE_CUDA(cub::DeviceRadixSort::SortPairs(nullptr, plan.workspace_bytes, static_cast<const uint32_t*>(nullptr), static_cast<uint32_t*>(nullptr),
                                           static_cast<const uint32_t*>(nullptr), static_cast<uint32_t*>(nullptr), static_cast<int>(count), 0,
                                           plan.bits));
  return plan;
}

void row_sort(const RowSort& plan, const uint32_t* keys, uint32_t* sorted_keys, const uint32_t* occurrences, uint32_t* sorted_occurrences,
              void* workspace, cudaStream_t stream) {
  size_t bytes = plan.workspace_bytes;
  FAE_CUDA(cub::DeviceRadixSort::SortPairs(workspace, bytes, keys, sorted_keys, occurrences, sorted_occurrences, static_cast<int>(plan.count), 0,
                                           plan.bits, stream));
}

}  // namespace fae::cuda
