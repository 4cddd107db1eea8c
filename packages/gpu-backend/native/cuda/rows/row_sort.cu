// Stable radix sort of (row number, pooled row) pairs. The pairs are known as soon as ids are decoded, so this runs beside the forward
// pass, and the fewer multiprocessors it takes the better. Row numbers of a table follow those of the table before: one block per
// table sorts its ids in shared memory on as many bits as the table has, and the parts lie one behind the other in order. Batches
// with more ids of one table than a block holds are sorted as a whole. Bytes: 4 read and 8 written per id; as a whole, 16 per
// id and digit of 8 bits.
#include <algorithm>

#include <cub/block/block_radix_sort.cuh>
#include <cub/device/device_radix_sort.cuh>

#include "ops/device_math.cuh"
#include "rows/row_sort.h"
#include "support/check.h"

namespace fae::cuda {

namespace {

constexpr uint32_t most_of_table = 16384;

template <int THREADS, int ITEMS>
__global__ void __launch_bounds__(THREADS) table_sort_kernel(const RowSortArrays a, uint32_t vectors, uint32_t ids) {
  using Sort = cub::BlockRadixSort<uint32_t, THREADS, ITEMS, uint32_t>;
  extern __shared__ __align__(16) char shared[];
  const TableSpan span = a.spans[blockIdx.x];
  const uint32_t count = vectors * span.hotness, none = (1u << span.bits) - 1;
  uint32_t keys[ITEMS], occurrences[ITEMS];
#pragma unroll
  for (int i = 0; i < ITEMS; i++) {
    const uint32_t position = threadIdx.x * ITEMS + i, vector = position / span.hotness;
    const uint32_t row = position < count ? a.index[static_cast<uint64_t>(vector) * ids + span.first_id + position % span.hotness] : no_row;
    keys[i] = row == no_row ? none : row - span.first_row;
    occurrences[i] = vector * a.tables + blockIdx.x;
  }
  Sort(*reinterpret_cast<typename Sort::TempStorage*>(shared)).SortBlockedToStriped(keys, occurrences, 0, static_cast<int>(span.bits));
  const uint64_t first = static_cast<uint64_t>(vectors) * span.first_id;
#pragma unroll
  for (int i = 0; i < ITEMS; i++) {
    const uint32_t position = i * THREADS + threadIdx.x;
    if (position >= count) continue;
    a.keys[first + position] = keys[i] == none ? no_row : keys[i] + span.first_row;
    a.occurrences[first + position] = occurrences[i];
  }
}

template <int THREADS, int ITEMS>
void sort_tables(const RowSort& plan, const RowSortArrays& arrays, cudaStream_t stream) {
  constexpr size_t bytes = sizeof(typename cub::BlockRadixSort<uint32_t, THREADS, ITEMS, uint32_t>::TempStorage);
  FAE_CUDA(cudaFuncSetAttribute(table_sort_kernel<THREADS, ITEMS>, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)));
  table_sort_kernel<THREADS, ITEMS><<<arrays.tables, THREADS, bytes, stream>>>(arrays, plan.vectors, plan.ids);
  check_launch("row_sort");
}

// Bits that hold all numbers below `rows` and, all ones, one that is none of them.
uint32_t bits_above(uint64_t rows) {
  uint32_t bits = 1;
  while (bits < 32 && (1ull << bits) - 1 < rows) bits++;
  return bits;
}

}  // namespace

std::vector<TableSpan> table_spans(const std::vector<uint64_t>& first_rows, const std::vector<uint32_t>& hotness) {
  std::vector<TableSpan> spans;
  uint32_t first_id = 0;
  for (size_t t = 0; t < hotness.size(); t++) {
    spans.push_back({static_cast<uint32_t>(first_rows[t]), bits_above(first_rows[t + 1] - first_rows[t]), first_id, hotness[t]});
    first_id += hotness[t];
  }
  return spans;
}

RowSort plan_row_sort(uint32_t vectors, const std::vector<TableSpan>& spans, uint64_t rows) {
  RowSort plan;
  plan.vectors = vectors;
  for (const TableSpan& span : spans) {
    plan.ids += span.hotness;
    plan.longest = std::max(plan.longest, vectors * span.hotness);
  }
  if (plan.longest <= most_of_table) return plan;
  plan.bits = static_cast<int>(bits_above(rows));
  FAE_CUDA(cub::DeviceRadixSort::SortPairs(nullptr, plan.workspace_bytes, static_cast<const uint32_t*>(nullptr), static_cast<uint32_t*>(nullptr),
                                           static_cast<const uint32_t*>(nullptr), static_cast<uint32_t*>(nullptr), static_cast<int>(vectors * plan.ids), 0,
                                           plan.bits));
  return plan;
}

void row_sort(const RowSort& plan, const RowSortArrays& arrays, void* workspace, cudaStream_t stream) {
  if (plan.longest <= 1024) return sort_tables<256, 4>(plan, arrays, stream);
  if (plan.longest <= 4096) return sort_tables<512, 8>(plan, arrays, stream);
  if (plan.longest <= most_of_table) return sort_tables<1024, 16>(plan, arrays, stream);
  size_t bytes = plan.workspace_bytes;
  FAE_CUDA(cub::DeviceRadixSort::SortPairs(workspace, bytes, arrays.index, arrays.keys, arrays.pooled, arrays.occurrences, static_cast<int>(plan.vectors * plan.ids),
                                           0, plan.bits, stream));
}

}  // namespace fae::cuda
