// What the kernel files of one instruction set share: their namespace and their declarations.
#pragma once

#include "csrc/cpu/kernels.h"

#ifndef GIBBSLAB_ISA
#error "compile the kernel files through gibbslab_add_kernels"
#endif

namespace gibbslab::cpu::GIBBSLAB_ISA {

void binary_matmul(const BinaryMatmul& job, int64_t begin, int64_t end);
void merge_row(float* out, const float* other, const float* bias, int64_t padded_cols);
void activate_row(const ActivateRow& job);
void uniform_row(float* out, int64_t cols, uint64_t counter, uint64_t stream, uint64_t seed);
void standard_normals(float* out, int64_t count, uint64_t counter, uint64_t stream, uint64_t seed);
int64_t note_changes(const ChangedRow& job);
void list_changes(const ListedRow& job);
void add_changes(const AddChanges& job);
void add_dense_changes(const AddDenseChanges& job);
StepSums step_sums(const ExtrapolatedRow& job);
void next_start(const ExtrapolatedRow& job, float t);
void transpose_bits(const BitTensor& x, int64_t begin, int64_t end, BitTensor& out,
                    int64_t out_row);
void transpose(const Tensor& x, Tensor& out, int64_t begin, int64_t end);
void popcount_row(const uint64_t* a, const uint64_t* b, int64_t words, int64_t padded_cols,
                  float scale, bool accumulate, float* out);
int64_t count_ones(const uint64_t* x, int64_t words);
void column_sums(const Tensor& x, double* sums);
void bit_column_sums(const BitTensor& x, double* sums);
double softplus_sum(const double* x, int64_t n);
double softplus_difference(const float* x, int64_t cols, float low, float high);
float largest_difference(const float* x, const float* y, int64_t cols);
void gather_rows(const float* w, int64_t stride, const int32_t* active, int64_t count,
                 const double* bias, double* out, int64_t padded_cols);
void axpy(double x, const float* w, double* out, int64_t padded_cols);
bool update_rows(const Update& job, const Tensor& gradient, int64_t first, int64_t begin,
                 int64_t end);
void map_row(Function f, const float* x, float* out, int64_t cols);
void add_and_activate(Function f, const float* bias, float* out, int64_t cols);
void slope_row(Function f, const float* y, const float* dy, float* out, int64_t cols);
void normalise_row(const NormLanes& norm, Function f, const float* x, float* out, int64_t cols);
void moment_sums(const float* x, int64_t step, int64_t end, int64_t width, double* sums,
                 double* squares);
void gradient_sums(const NormGradientRow& job, double* sums, double* products);
void norm_gradient_row(const NormGradientRow& job, const float* mean, const float* slope,
                       float* out);
double loss_row(const LossRow& job);
bool descend(const DescentSpan& job);
void dense_product(const DenseProduct& job);
void list_rows(const ListNonzeros& job);
void list_columns(const ListNonzeros& job);
void sparse_product(const SparseProduct& job);
void pack_strip(const float* rows, int64_t stride, int64_t count, int64_t depth, float* out);

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
