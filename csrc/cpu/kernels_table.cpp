#include "csrc/cpu/kernels_impl.h"

#define GIBBSLAB_STRING2(x) #x
#define GIBBSLAB_STRING(x) GIBBSLAB_STRING2(x)
#define GIBBSLAB_JOIN2(a, b) a##b
#define GIBBSLAB_JOIN(a, b) GIBBSLAB_JOIN2(a, b)

namespace gibbslab::cpu {

// table_baseline, table_avx2, table_avx512
const Kernels& GIBBSLAB_JOIN(table_, GIBBSLAB_ISA)() {
  namespace isa = GIBBSLAB_ISA;
  static const Kernels table{
      GIBBSLAB_STRING(GIBBSLAB_ISA), isa::binary_matmul, isa::activate_row, isa::uniform_row,
      isa::transpose_bits,           isa::transpose,     isa::popcount_row, isa::softplus_sum,
      isa::softplus_difference,      isa::gather_rows,   isa::axpy,         isa::update_row};
  return table;
}

}  // namespace gibbslab::cpu
