// lookup: out[v][t] = sum over the bag of rows[id]. One thread per 4 columns; ids of a bag are added in order: deterministic.
// Bytes: 4 D per id read, 4 D per bag written. The packed copies move each row once.
#include "ops/device_math.cuh"
#include "random.h"
#include "rows/lookup.h"
#include "support/check.h"

namespace fae::cuda {

namespace {

template <class Row>
__global__ void lookup_kernel(float* out, const RowAccess<Row> rows, uint32_t vectors) {
  const uint32_t chunks = rows.stride / 4;
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= static_cast<uint64_t>(vectors) * rows.tables * chunks) return;
  const uint32_t c = static_cast<uint32_t>(e % chunks);
  const uint64_t pooled = e / chunks;
  store4(out + pooled * rows.stride + 4 * c, pooled4(rows, static_cast<uint32_t>(pooled / rows.tables), static_cast<uint32_t>(pooled % rows.tables), c));
}

__device__ __forceinline__ void put(float* to, float v) { *to = v; }
__device__ __forceinline__ void put(__nv_bfloat16* to, float v) { *to = __float2bfloat16(v); }
__device__ __forceinline__ float take(const float* from) { return *from; }
__device__ __forceinline__ float take(const __nv_bfloat16* from) { return __bfloat162float(*from); }

template <class Row>
__global__ void draw_kernel(Row* rows, uint32_t stride, uint32_t width, const uint32_t* original, uint32_t count, uint32_t seed, uint32_t key,
                            double bound) {
  const uint32_t chunks = stride / 4;
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= static_cast<uint64_t>(count) * chunks) return;
  const uint32_t row = static_cast<uint32_t>(e / chunks), c = static_cast<uint32_t>(e % chunks);
  const Words4 words = philox(original[row], c, key, 0, seed, stream_table);
  for (uint32_t i = 0; i < 4; i++) {
    const float value = 4 * c + i < width ? static_cast<float>(bound * (2 * unit(words.word[i]) - 1)) : 0.f;
    put(rows + static_cast<uint64_t>(row) * stride + 4 * c + i, value);
  }
}

template <class Row>
__global__ void gather_kernel(float* packed, const Row* rows, uint32_t stride, uint32_t columns, const uint32_t* list, uint64_t first, uint32_t count) {
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= static_cast<uint64_t>(count) * columns) return;
  const uint64_t i = e / columns, row = first + (list ? list[i] : i);
  packed[e] = take(rows + row * stride + e % columns);
}

template <class Row>
__global__ void scatter_kernel(Row* rows, uint32_t stride, uint32_t columns, const float* packed, const uint32_t* list, uint64_t first, uint32_t count) {
  const uint64_t e = blockIdx.x * static_cast<uint64_t>(blockDim.x) + threadIdx.x;
  if (e >= static_cast<uint64_t>(count) * columns) return;
  const uint64_t i = e / columns, row = first + (list ? list[i] : i);
  put(rows + row * stride + e % columns, packed[e]);
}

}  // namespace

template <class Row>
void lookup_forward(float* out, const RowAccess<Row>& rows, uint32_t vectors, cudaStream_t stream) {
  const uint64_t threads = static_cast<uint64_t>(vectors) * rows.tables * (rows.stride / 4);
  lookup_kernel<<<ceil_div(threads, 256), 256, 0, stream>>>(out, rows, vectors);
  check_launch("lookup_forward");
}

template <class Row>
void draw_uniform_rows(Row* rows, uint32_t stride, uint32_t width, const uint32_t* original, uint32_t count, uint32_t seed, uint32_t key,
                       double bound, cudaStream_t stream) {
  if (count == 0) return;
  draw_kernel<<<ceil_div(static_cast<uint64_t>(count) * (stride / 4), 256), 256, 0, stream>>>(rows, stride, width, original, count, seed, key, bound);
  check_launch("draw_uniform_rows");
}

template <class Row>
void gather_rows(float* packed, const Row* rows, uint32_t stride, uint32_t columns, const uint32_t* list, uint64_t first, uint32_t count,
                 cudaStream_t stream) {
  if (count == 0) return;
  gather_kernel<<<ceil_div(static_cast<uint64_t>(count) * columns, 256), 256, 0, stream>>>(packed, rows, stride, columns, list, first, count);
  check_launch("gather_rows");
}

template <class Row>
void scatter_rows(Row* rows, uint32_t stride, uint32_t columns, const float* packed, const uint32_t* list, uint64_t first, uint32_t count,
                  cudaStream_t stream) {
  if (count == 0) return;
  scatter_kernel<<<ceil_div(static_cast<uint64_t>(count) * columns, 256), 256, 0, stream>>>(rows, stride, columns, packed, list, first, count);
  check_launch("scatter_rows");
}

#define FAE_ROW(Row)                                                                                                                     \
  template void lookup_forward(float*, const RowAccess<Row>&, uint32_t, cudaStream_t);                                                   \
  template void draw_uniform_rows(Row*, uint32_t, uint32_t, const uint32_t*, uint32_t, uint32_t, uint32_t, double, cudaStream_t);        \
  template void gather_rows(float*, const Row*, uint32_t, uint32_t, const uint32_t*, uint64_t, uint32_t, cudaStream_t);                  \
  template void scatter_rows(Row*, uint32_t, uint32_t, const float*, const uint32_t*, uint64_t, uint32_t, cudaStream_t);
FAE_ROW(float)
FAE_ROW(__nv_bfloat16)
#undef FAE_ROW

}  // namespace fae::cuda
