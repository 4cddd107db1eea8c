// The kernels that ops and routes share, as one table of functions per instruction set; an op's own are in its file (ops/op.h). Plain data only: the files behind this table are
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

enum class Activation : int32_t { none, relu, sigmoid };

// y[rows, columns] = activation(x[rows, inner] . packed + bias), or y += ... with `add` (then without bias and activation).
// `packed`: panels as `pack` makes them.
struct Product {
  Matrix x, y;
  const float* packed = nullptr;
  const float* bias = nullptr;  // may be null
  uint32_t rows = 0, inner = 0, columns = 0;
  Activation activation = Activation::none;
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

// Instruction sets, in the order in which `KernelOf` lists functions.
enum class Isa : int32_t { baseline, avx2, avx512 };

struct Kernels {
  const char* name;
  Isa isa;
  uint32_t panel;  // columns per packed panel; a multiple of 16
  void (*product)(const Product&);
  void (*outer_product)(const OuterProduct&);
  void (*column_sums)(const Matrix& a, uint32_t rows, uint32_t columns, float* out, bool add);
  void (*pack)(const Pack&);
  // dy = dy * activation'(y), in place.
  void (*activation_gradient)(const Matrix& dy, const Matrix& y, uint32_t rows, uint32_t columns, Activation activation);
  void (*copy_blocks)(const CopyBlocks&);
  void (*pool)(const Pool&);
  void (*update_rows)(const RowUpdate&);
  void (*update_dense)(const DenseUpdate&);
  DrawRows uniform_rows;  // null: no faster than one by one
};

static constexpr size_t padded(size_t n) { return (n + 31) / 32 * 32; }
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
