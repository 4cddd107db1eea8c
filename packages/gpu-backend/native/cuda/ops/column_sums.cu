// Bias gradient where the weight-gradient product does not give it: sums over equal shares of the rows, each in a fixed order.
// A block owns 32 columns of one share: 8 rows at a time, 32 neighbouring columns each, joined by a fixed tree. Bytes: x once.
#include "ops/small_ops.h"
#include "support/check.h"

namespace fae::cuda {

namespace {

__global__ void __launch_bounds__(256) column_sums_kernel(float* sums, int64_t stride, const float* x, uint32_t rows, uint32_t columns, uint32_t ld) {
  __shared__ float joined[8][33];
  const uint32_t column = blockIdx.x * 32 + threadIdx.x % 32, lane_row = threadIdx.x / 32;
  const uint32_t share = (rows + gridDim.y - 1) / gridDim.y, begin = blockIdx.y * share, end = min(rows, begin + share);
  float sum = 0;
  if (column < columns) {
#pragma unroll 4
    for (uint32_t r = begin + lane_row; r < end; r += 8) sum += x[static_cast<uint64_t>(r) * ld + column];
  }
  joined[lane_row][threadIdx.x % 32] = sum;
  __syncthreads();
  if (lane_row == 0 && column < columns) {
    for (int r = 1; r < 8; r++) sum += joined[r][threadIdx.x];
    sums[blockIdx.y * stride + column] = sum;
  }
}

}  // namespace

void column_sums(float* sums, int64_t stride, const float* x, uint32_t rows, uint32_t columns, uint32_t ld, cudaStream_t stream) {
  column_sums_kernel<<<dim3(ceil_div(columns, 32), column_sum_parts), 256, 0, stream>>>(sums, stride, x, rows, columns, ld);
  check_launch("column_sums");
}

}  // namespace fae::cuda
