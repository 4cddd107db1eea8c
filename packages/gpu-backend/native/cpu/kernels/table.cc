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
void activation_gradient(const Matrix&, const Matrix&, uint32_t, uint32_t, Activation);
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
  static const Kernels table = {.name = FAE_NAME(FAE_ISA),
                                .isa = Isa::FAE_ISA,
                                .panel = panel_columns(),
                                .product = product,
                                .outer_product = outer_product,
                                .column_sums = column_sums,
                                .pack = pack,
                                .activation_gradient = activation_gradient,
                                .copy_blocks = copy_blocks,
                                .pool = pool,
                                .update_rows = update_rows,
                                .update_dense = update_dense,
                                .uniform_rows = uniform_rows};
  return table;
}

}  // namespace fae::cpu::FAE_ISA
