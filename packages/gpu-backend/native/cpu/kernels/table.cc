// The table of one instruction set.
#include "simd.h"

namespace fae::cpu::FAE_ISA {

#define FAE_TEXT(x) #x
#define FAE_NAME(x) FAE_TEXT(x)

uint32_t panel_columns();
void product(const Product&);
void outer_product(const OuterProduct&);
void column_sums(const Matrix&, uint32_t, uint32_t, float*, bool);
void pack(const Pack&);
void activation_gradient(const Matrix&, const Matrix&, uint32_t, uint32_t, Activate);
void interact(const Interact&);
void interact_backward(const Interact&);
void normalize(const Normalize&);
void normalize_backward(const Normalize&);
void batch_dot(const BatchDot&);
void batch_dot_backward(const BatchDot&);
void weighted_sum(const WeightedSum&);
void weighted_sum_backward(const WeightedSum&);
void copy_blocks(const CopyBlocks&);
void pool(const Pool&);
void update_rows(const RowUpdate&);
void update_dense(const DenseUpdate&);
#if defined(__AVX512F__)
void uniform_rows(const UniformRows&);
#else
constexpr DrawRows uniform_rows = nullptr;
#endif

const Kernels& kernels() {
  static const Kernels table = {FAE_NAME(FAE_ISA),   panel_columns(),     product,   outer_product,      column_sums,  pack,
                                activation_gradient, interact,            interact_backward, normalize,  normalize_backward, batch_dot,
                                batch_dot_backward,  weighted_sum,        weighted_sum_backward, copy_blocks, pool,   update_rows,
                                update_dense,        uniform_rows};
  return table;
}

}  // namespace fae::cpu::FAE_ISA
