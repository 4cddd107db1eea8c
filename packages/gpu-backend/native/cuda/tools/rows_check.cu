// Rows drawn on the device against `uniform_row` on the host, bit by bit: widths with and without pads, both row types, listed ids.
#include <cstdio>
#include <cstring>
#include <vector>

#include "ops/device_math.cuh"
#include "random.h"
#include "rows/lookup.h"
#include "status.h"
#include "support/check.h"

namespace {

using namespace fae::cuda;

template <class Row>
bool is_equal(uint32_t width, uint32_t count, uint32_t seed, uint32_t key, double bound) {
  const uint32_t stride = pad4(width);
  std::vector<uint32_t> original(count);
  for (uint32_t i = 0; i < count; i++) original[i] = fae::philox(i, 7, 0, 0, seed, 99).word[0];
  std::vector<Row> expected(static_cast<size_t>(count) * stride, static_cast<Row>(0.f)), found(expected.size());
  std::vector<float> row(width);
  for (uint32_t i = 0; i < count; i++) {
    fae::uniform_row(row.data(), width, seed, key, original[i], bound);
    for (uint32_t c = 0; c < width; c++) expected[static_cast<size_t>(i) * stride + c] = static_cast<Row>(row[c]);
  }
  uint32_t* ids = nullptr;
  Row* rows = nullptr;
  FAE_CUDA(cudaMalloc(reinterpret_cast<void**>(&ids), count * sizeof *ids));
  FAE_CUDA(cudaMalloc(reinterpret_cast<void**>(&rows), found.size() * sizeof *rows));
  FAE_CUDA(cudaMemset(rows, 0xff, found.size() * sizeof *rows));
  FAE_CUDA(cudaMemcpy(ids, original.data(), count * sizeof *ids, cudaMemcpyHostToDevice));
  draw_uniform_rows(rows, stride, width, ids, count, seed, key, bound, nullptr);
  FAE_CUDA(cudaMemcpy(found.data(), rows, found.size() * sizeof *rows, cudaMemcpyDeviceToHost));
  FAE_CUDA(cudaFree(ids));
  FAE_CUDA(cudaFree(rows));
  return std::memcmp(found.data(), expected.data(), found.size() * sizeof *rows) == 0;
}

}  // namespace

int main() {
  try {
    uint32_t checked = 0, wrong = 0;
    for (const uint32_t width : {1u, 4u, 15u, 16u, 64u, 100u}) {
      for (const uint32_t count : {1u, 31u, 1000u, 1u << 16}) {
        const uint32_t seed = 0x9e3779b9u * checked, key = 0xffffffffu - checked;
        const bool equal = is_equal<float>(width, count, seed, key, 0.0123) && is_equal<__nv_bfloat16>(width, count, seed, key, 1 / 3.0);
        if (!equal) std::printf("WRONG: %u rows of %u values\n", count, width);
        wrong += !equal, checked++;
      }
    }
    std::printf("rows drawn on the device: %u runs, %u differ from the host's\n", checked, wrong);
    return wrong > 0;
  } catch (const fae::Failure& failure) {
    std::printf("FAILED: %s\n", failure.message.c_str());
    return 1;
  }
}
