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
      .name = GIBBSLAB_STRING(GIBBSLAB_ISA),
      .binary_matmul = isa::binary_matmul,
      .merge_row = isa::merge_row,
      .activate_row = isa::activate_row,
      .uniform_row = isa::uniform_row,
      .standard_normals = isa::standard_normals,
      .note_changes = isa::note_changes,
      .list_changes = isa::list_changes,
      .add_changes = isa::add_changes,
      .add_dense_changes = isa::add_dense_changes,
      .step_sums = isa::step_sums,
      .next_start = isa::next_start,
      .transpose_bits = isa::transpose_bits,
      .transpose = isa::transpose,
      .popcount_row = isa::popcount_row,
      .count_ones = isa::count_ones,
      .column_sums = isa::column_sums,
      .bit_column_sums = isa::bit_column_sums,
      .softplus_sum = isa::softplus_sum,
      .softplus_difference = isa::softplus_difference,
      .largest_difference = isa::largest_difference,
      .gather_rows = isa::gather_rows,
      .axpy = isa::axpy,
      .update_rows = isa::update_rows,
      .map_row = isa::map_row,
      .add_and_activate = isa::add_and_activate,
      .slope_row = isa::slope_row,
      .normalise_row = isa::normalise_row,
      .moment_sums = isa::moment_sums,
      .gradient_sums = isa::gradient_sums,
      .norm_gradient_row = isa::norm_gradient_row,
      .loss_row = isa::loss_row,
      .descend = isa::descend,
      .dense_product = isa::dense_product,
      .list_rows = isa::list_rows,
      .list_columns = isa::list_columns,
      .sparse_product = isa::sparse_product,
      .pack_strip = isa::pack_strip,
  };
  return table;
}

}  // namespace gibbslab::cpu
