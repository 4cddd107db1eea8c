// Rows drawn many at a time against `uniform_row`, bit by bit: widths, counts that end inside a block, listed rows, extreme keys.
#include <cstdio>
#include <cstring>
#include <vector>

#include "kernels.h"
#include "random.h"

int main() {
  const fae::DrawRows draw = fae::cpu::choose_kernels().uniform_rows;
  if (!draw) return std::printf("skipped: the %s kernels draw one by one\n", fae::cpu::choose_kernels().name), 0;
  int checked = 0;
  for (const uint32_t width : {4u, 8u, 12u, 16u, 20u, 64u, 128u}) {
    for (const uint32_t count : {0u, 1u, 2u, 7u, 8u, 9u, 31u, 33u, 1000u}) {
      for (const bool listed : {false, true}) {
        const uint32_t first = checked % 3 == 0 ? 0 : 0xfffffc00u - count, seed = 0x9e3779b9u * checked, key = 0xffffffffu - checked;
        std::vector<uint32_t> rows(count);
        for (uint32_t i = 0; i < count; i++) rows[i] = listed ? fae::philox(i, 7, 0, 0, seed, 99).word[0] : first + i;
        // One value more than is drawn: it must stay.
        std::vector<float> found(static_cast<size_t>(count) * width + 1, -7.f), expected(found);
        draw({found.data(), width, count, first, listed ? rows.data() : nullptr, seed, fae::stream_table, key, 0.0123});
        for (uint32_t i = 0; i < count; i++) fae::uniform_row(expected.data() + static_cast<size_t>(i) * width, width, seed, key, rows[i], 0.0123);
        if (std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) != 0) {
          return std::printf("FAILED: width %u, %u rows%s differ from rows drawn one by one\n", width, count, listed ? " of a list" : ""), 1;
        }
        checked++;
      }
    }
  }
  std::printf("%d runs of rows are equal\n", checked);
}
