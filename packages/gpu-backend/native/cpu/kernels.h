// The kernels of the CPU engine as one table of functions per instruction set. Plain data only: the files behind this table are
// compiled several times with other instructions, and inline library code in them could end up on a CPU that lacks those.
//
// Every output element is summed by one thread in one fixed order that depends on neither tile nor thread count.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../common/uniform_rows.h"

namespace fae::cpu {

// Row-major floats; `stride` floats from one row to the next.
struct Matrix {
  float* data = nullptr;
  size_t stride = 0;
  Matrix from(size_t row) const { return {data + row * stride, stride}; }
};

enum Activate : int32_t { activate_none, activate_relu, activate_sigmoid };

// y[rows, columns] = activation(x[rows, inner] . packed + bias), or y += ... with `add` (then without bias and activation).
// `packed`: panels as `pack` makes them.
struct Product {
  Matrix x, y;
  const float* packed = nullptr;
  const float* bias = nullptr;  // may be null
  uint32_t rows = 0, inner = 0, columns = 0;
  Activate activation = activate_none;
  bool add = false;
};

// out[i, j] = or += sum over r < rows of a[r, i] b[r, j], for i in [i_from, i_to) and j in [j_from, j_to).
struct OuterProduct {
  Matrix a, b, out;
  uint32_t rows = 0, i_from = 0, i_to = 0, j_from = 0, j_to = 0;
  bool add = false;
};

// Copies w[rows, columns] into panels of `panel` columns: straight [columns / panel][rows][panel], and the same of its transpose:
// transposed [rows / panel][columns][panel], both padded with zeros. Does rows [from, to); `from` is a multiple of the panel.
struct Pack {
  Matrix w;
  uint32_t rows = 0, columns = 0, from = 0, to = 0;
  float* straight = nullptr;
  float* transposed = nullptr;
};

// x [count][d], rows [count][tables][d], y [count]: `y` rows hold d + pairs values. Meaning: core/src/ops/interact.ts.
struct Interact {
  Matrix x, rows, y;  // rows.stride: from one of the `tables` vectors to the next
  uint32_t count = 0, tables = 0, d = 0;
  bool self = false;
  float* scratch = nullptr;  // interact_scratch(tables, d) floats
  // Backward only: y holds its gradient.
  Matrix dx, drows;
  bool x_add = false, rows_add = false, x_wanted = false, rows_wanted = false;
};

struct Normalize {
  Matrix x, y, dy, dx;
  uint32_t count = 0, k = 0;
  float epsilon = 0;
  bool add = false;
};

// h [count][r] vectors of k, q [count] of k, a [count] of r.
struct BatchDot {
  Matrix h, q, a;
  uint32_t count = 0, r = 0, k = 0;
  Matrix dh, dq;  // a holds its gradient then
  bool h_wanted = false, q_wanted = false, h_add = false, q_add = false;
};

// y [count] of r, h [count][r] vectors of k, c [count] of k.
struct WeightedSum {
  Matrix y, h, c;
  uint32_t count = 0, r = 0, k = 0;
  Matrix dy, dh;  // c holds its gradient then
  bool y_wanted = false, h_wanted = false, y_add = false, h_add = false;
};

// `count` blocks of `width` floats; to = from, or to += from.
struct CopyBlocks {
  const float* from = nullptr;
  float* to = nullptr;
  size_t from_stride = 0, to_stride = 0;
  uint32_t count = 0, width = 0;
  bool add = false;
};

// Where the rows of one table lie: ids below `split` at low[id], others at high[id - split].
struct RowSpace {
  float* low = nullptr;
  float* high = nullptr;
  uint32_t split = 0;
};

// out[(b * steps + s) * tables + t] = sum of the bag's rows, for every input b, step s and table t.
struct Pool {
  const RowSpace* spaces = nullptr;   // per table
  const uint32_t* hotness = nullptr;  // per table
  const int32_t* ids = nullptr;
  size_t input_stride = 0, step_stride = 0;
  uint32_t inputs = 0, steps = 0, tables = 0, width = 0;
  float* out = nullptr;
};

enum Optimizer : int32_t { optimizer_sgd, optimizer_adagrad, optimizer_rowwise_adagrad, optimizer_adam };

// One update's numbers. adam: rate = lr / (1 - beta1^t), correction = sqrt(1 - beta2^t).
struct OptimizerStep {
  Optimizer name = optimizer_sgd;
  float rate = 0, epsilon = 0, beta1 = 0, beta2 = 0, correction = 1;
};

// Elementwise over dense parameters; state may be null where the optimizer has none.
struct DenseUpdate {
  OptimizerStep step;
  float* weights = nullptr;
  const float* gradient = nullptr;
  float* state[2] = {nullptr, nullptr};
  uint64_t count = 0;
};

// For distinct rows [from, to): gradient = sum over the row's places of gradients[place * place_stride], then one update.
// With `out` the sums are stored there, row i at out[i * width], and nothing is updated. With `summed` row i takes its gradient
// from summed[i * width] instead.
struct RowUpdate {
  OptimizerStep step;
  RowSpace rows;
  RowSpace state[2];
  uint32_t width = 0;
  uint32_t state_width[2] = {0, 0};
  const uint32_t* ids = nullptr;
  const uint32_t* begins = nullptr;
  const uint32_t* places = nullptr;
  uint32_t from = 0, to = 0;
  const float* gradients = nullptr;
  size_t place_stride = 0;
  const float* summed = nullptr;
  float* out = nullptr;
  float* scratch = nullptr;  // `width` floats
  uint8_t* dirty = nullptr;  // set to 1 for ids below `dirty_below`; may be null
  uint32_t dirty_below = 0;
};

struct Kernels {
  const char* name;
  uint32_t panel;  // columns per packed panel; a multiple of 16
  void (*product)(const Product&);
  void (*outer_product)(const OuterProduct&);
  void (*column_sums)(const Matrix& a, uint32_t rows, uint32_t columns, float* out, bool add);
  void (*pack)(const Pack&);
  // dy = dy * activation'(y), in place.
  void (*activation_gradient)(const Matrix& dy, const Matrix& y, uint32_t rows, uint32_t columns, Activate activation);
  void (*interact)(const Interact&);
  void (*interact_backward)(const Interact&);
  void (*normalize)(const Normalize&);
  void (*normalize_backward)(const Normalize&);
  void (*batch_dot)(const BatchDot&);
  void (*batch_dot_backward)(const BatchDot&);
  void (*weighted_sum)(const WeightedSum&);
  void (*weighted_sum_backward)(const WeightedSum&);
  void (*copy_blocks)(const CopyBlocks&);
  void (*pool)(const Pool&);
  void (*update_rows)(const RowUpdate&);
  void (*update_dense)(const DenseUpdate&);
  DrawRows uniform_rows;  // null: no faster than one by one
};

static constexpr size_t padded(size_t n) { return (n + 31) / 32 * 32; }
// Floats of scratch for `interact` and its gradient: stacked and transposed vectors, and a square of dots.
static constexpr size_t interact_scratch(size_t tables, size_t d) {
  return padded(tables + 1) * padded(d) * 2 + (tables + 1 + 16) * padded(tables + 1) + 64;
}

namespace baseline {
const Kernels& kernels();
}
namespace avx2 {
const Kernels& kernels();
}
namespace avx512 {
const Kernels& kernels();
}

// The best table for this CPU, or the one named by the environment variable FAE_CPU_KERNELS (baseline, avx2, avx512) when this
// CPU can run it.
const Kernels& choose_kernels();

}  // namespace fae::cpu
