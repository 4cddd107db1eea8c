// The matrix products of `linear`: y = act(x W' + b), dx = dy W, dW = dy' x.
//
// product: the right operand comes packed in panels of `panel` columns, so the inner loop loads whole vectors of one panel and
// broadcasts one left value per row: rows x panel sums stay in registers over the whole inner dimension.
// outer_product: both operands are read in place, 128 rows at a time so that they stay in the first-level cache; each block of
// 128 rows is summed on its own and added to the result, in row order.
// Each output element has one chain of fused multiply-adds; its order depends on the sizes alone.
#include "multiply.h"

extern "C" float expf(float);

namespace fae::cpu::FAE_ISA {

namespace {

// Rows and vectors of the register tile: as many sums as fit beside one row of vectors and a broadcast.
#if defined(__AVX512F__)
constexpr uint32_t tile_rows = 8, outer_tile_rows = 12, tile_vectors = 2;
#elif defined(__AVX2__)
constexpr uint32_t tile_rows = 6, outer_tile_rows = 6, tile_vectors = 2;
#else
constexpr uint32_t tile_rows = 3, outer_tile_rows = 3, tile_vectors = 4;
#endif
constexpr uint32_t panel = tile_vectors * lanes;

// Elementwise: no product to contract, so the same on every instruction set.
inline float activated(float x, Activation activation) {
  if (activation == Activation::relu) return x < 0 ? 0.0f : x;  // NaN stays NaN
  if (activation == Activation::sigmoid) return 1.0f / (1.0f + expf(-x));
  return x;
}

template <uint32_t rows, uint32_t vectors>
void product_tile(const Product& p, uint32_t row, uint32_t column) {
  Vector sums[rows][vectors];
  multiply<rows, vectors>(p.x.data + row * p.x.stride, p.x.stride, 1, p.packed + static_cast<size_t>(column / panel) * p.inner * panel, panel, p.inner,
                          sums);
  const uint32_t left = p.columns - column;
  if (left < vectors * lanes || p.activation == Activation::sigmoid) {
    float values[vectors * lanes];
    const uint32_t width = left < vectors * lanes ? left : vectors * lanes;
    FAE_UNROLL
    for (uint32_t i = 0; i < rows; i++) {
      FAE_UNROLL
      for (uint32_t j = 0; j < vectors; j++) store(values + j * lanes, sums[i][j]);
      float* y = p.y.data + (row + i) * p.y.stride + column;
      for (uint32_t j = 0; j < width; j++) {
        if (p.add) y[j] += values[j];
        else y[j] = activated(p.bias ? values[j] + p.bias[column + j] : values[j], p.activation);
      }
    }
    return;
  }
  FAE_UNROLL
  for (uint32_t j = 0; j < vectors; j++) {
    const Vector bias = p.bias ? load(p.bias + column + j * lanes) : Vector{};
    FAE_UNROLL
    for (uint32_t i = 0; i < rows; i++) {
      float* y = p.y.data + (row + i) * p.y.stride + column + j * lanes;
      Vector value = sums[i][j];
      if (p.add) value = load(y) + value;
      else if (p.bias) value = value + bias;
      if (p.activation == Activation::relu) value = value < 0 ? Vector{} : value;
      store(y, value);
    }
  }
}

template <uint32_t vectors, uint32_t rows = tile_rows>
void product_rows(const Product& p, uint32_t row, uint32_t column) {
  while (row + rows <= p.rows) {
    product_tile<rows, vectors>(p, row, column);
    row += rows;
  }
  if constexpr (rows > 1) {
    if (row < p.rows) product_rows<vectors, rows - 1>(p, row, column);
  }
}

constexpr uint32_t block = 128;  // rows of an outer product whose operands stay in the first-level cache

template <uint32_t rows, uint32_t vectors>
void outer_tile(const OuterProduct& p, uint32_t r, uint32_t count, uint32_t i, uint32_t j, bool add) {
  Vector sums[rows][vectors];
  multiply<rows, vectors>(p.a.data + r * p.a.stride + i, 1, p.a.stride, p.b.data + r * p.b.stride + j, p.b.stride, count, sums);
  const uint32_t left = p.j_to - j;
  FAE_UNROLL
  for (uint32_t n = 0; n < rows; n++) {
    float* out = p.out.data + (i + n) * p.out.stride + j;
    if (left >= vectors * lanes) {
      FAE_UNROLL
      for (uint32_t v = 0; v < vectors; v++) store(out + v * lanes, add ? load(out + v * lanes) + sums[n][v] : sums[n][v]);
      continue;
    }
    float values[vectors * lanes];
    FAE_UNROLL
    for (uint32_t v = 0; v < vectors; v++) store(values + v * lanes, sums[n][v]);
    for (uint32_t c = 0; c < left; c++) out[c] = add ? out[c] + values[c] : values[c];
  }
}

template <uint32_t vectors, uint32_t rows = outer_tile_rows>
void outer_rows(const OuterProduct& p, uint32_t r, uint32_t count, uint32_t i, uint32_t j, bool add) {
  while (i + rows <= p.i_to) {
    outer_tile<rows, vectors>(p, r, count, i, j, add);
    i += rows;
  }
  if constexpr (rows > 1) {
    if (i < p.i_to) outer_rows<vectors, rows - 1>(p, r, count, i, j, add);
  }
}

}  // namespace

void product(const Product& p) {
  for (uint32_t column = 0; column < p.columns; column += panel) {
    if (p.columns - column <= lanes) product_rows<1>(p, 0, column);
    else product_rows<tile_vectors>(p, 0, column);
  }
}

// Operands are read in whole vectors: they must be readable `panel` floats past the last column.
void outer_product(const OuterProduct& p) {
  if (p.rows == 0 && !p.add) {
    for (uint32_t i = p.i_from; i < p.i_to; i++) {
      for (uint32_t j = p.j_from; j < p.j_to; j++) p.out.data[i * p.out.stride + j] = 0;
    }
  }
  for (uint32_t r = 0; r < p.rows; r += block) {
    const uint32_t count = p.rows - r < block ? p.rows - r : block;
    const bool add = p.add || r > 0;
    for (uint32_t j = p.j_from; j < p.j_to; j += panel) {
      if (p.j_to - j <= lanes) outer_rows<1>(p, r, count, p.i_from, j, add);
      else outer_rows<tile_vectors>(p, r, count, p.i_from, j, add);
    }
  }
}

void column_sums(const Matrix& a, uint32_t rows, uint32_t columns, float* out, bool add) {
  for (uint32_t from = 0; from < columns; from += 64) {
    const uint32_t width = columns - from < 64 ? columns - from : 64;
    float sums[64] = {};
    for (uint32_t r = 0; r < rows; r++) {
      const float* row = a.data + r * a.stride + from;
      if (width == 64) {
        for (uint32_t c = 0; c < 64; c++) sums[c] += row[c];
      } else {
        for (uint32_t c = 0; c < width; c++) sums[c] += row[c];
      }
    }
    for (uint32_t c = 0; c < width; c++) out[from + c] = add ? out[from + c] + sums[c] : sums[c];
  }
}

void pack(const Pack& p) {
  const uint32_t rows = p.to - p.from;
  for (uint32_t column = 0; column < p.columns; column += panel) {
    const uint32_t width = p.columns - column < panel ? p.columns - column : panel;
    float* to = p.straight + (static_cast<size_t>(column / panel) * p.rows + p.from) * panel;
    for (uint32_t r = 0; r < rows; r++, to += panel) {
      const float* from = p.w.data + (p.from + r) * p.w.stride + column;
      if (width == panel) {
        for (uint32_t v = 0; v < tile_vectors; v++) store(to + v * lanes, load(from + v * lanes));
      } else {
        for (uint32_t c = 0; c < panel; c++) to[c] = c < width ? from[c] : 0.0f;
      }
    }
  }
  for (uint32_t row = p.from; row < p.to; row += panel) {
    const uint32_t width = p.to - row < panel ? p.to - row : panel;
    float* to = p.transposed + static_cast<size_t>(row / panel) * p.columns * panel;
    // Sixteen columns at a time: one cache line of each row is used up before the next is touched.
    for (uint32_t column = 0; column < p.columns; column += 16) {
      const uint32_t columns = p.columns - column < 16 ? p.columns - column : 16;
      for (uint32_t r = 0; r < panel; r++) {
        const float* from = p.w.data + (row + r) * p.w.stride + column;
        for (uint32_t c = 0; c < columns; c++) to[(column + c) * panel + r] = r < width ? from[c] : 0.0f;
      }
    }
  }
}

void activation_gradient(const Matrix& dy, const Matrix& y, uint32_t rows, uint32_t columns, Activation activation) {
  for (uint32_t r = 0; r < rows; r++) {
    float* g = dy.data + r * dy.stride;
    const float* value = y.data + r * y.stride;
    if (activation == Activation::relu) {
      for (uint32_t c = 0; c < columns; c++) g[c] = value[c] > 0 ? g[c] : 0.0f;
    } else {
      for (uint32_t c = 0; c < columns; c++) g[c] = g[c] * (value[c] * (1.0f - value[c]));
    }
  }
}

uint32_t panel_columns() { return panel; }

}  // namespace fae::cpu::FAE_ISA
