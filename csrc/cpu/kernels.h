// The hot loops of the CPU backend: one table of functions per instruction set.
//
// All float rows are padded to kLanes and 64-byte aligned (Tensor::zeros). Every output element is
// one fixed-order sum, so a result never depends on threads or on how rows are split into pieces.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "csrc/core/formulas.h"
#include "csrc/core/neural.h"
#include "csrc/core/philox.h"
#include "csrc/core/tensor.h"
#include "csrc/ops/optim.h"

namespace gibbslab::cpu {

// How X M is computed for a 0/1 matrix X: add the active rows of M, or look up sums of four rows.
enum class BinaryProduct { kActiveRows, kTables };

// out[r, :] = scale * (X[r, :] M) + bias, or out[r, :] += scale * (X[r, :] M).
struct BinaryMatmul {
  const BitTensor* x;  // (R, I)
  const Tensor* m;     // (I, J)
  const Tensor* bias;  // (1, J) or null
  Tensor* out;         // (R, J)
  int64_t out_first;   // the row of X whose result is row 0 of out
  float scale;
  bool accumulate;
  BinaryProduct method;
  int64_t first_column, last_column;  // of out that are made: a multiple of 16, and an end
  // Words of X that count, with the rows of M that belong to them.
  int64_t first_word = 0, last_word = std::numeric_limits<int64_t>::max();

  int64_t words_end() const { return std::min(last_word, x->words_per_row()); }
  int64_t first_row() const { return 64 * first_word; }
  int64_t last_row() const { return std::min(m->rows(), 64 * words_end()); }
};

// One row of pre-activations: mean = sigmoid(scale * pre), bit = uniform < mean.
struct ActivateRow {
  const float* pre;  // (padded cols)
  int64_t cols;
  float scale;
  uint64_t counter;  // of the row's first element
  uint64_t stream, seed;
  float* mean;       // (padded cols) or null
  uint64_t* bits;    // or null
  bool pre_is_mean;  // the row holds probabilities already
};

// A matrix (N, M) is packed in strips of kChangeStrip columns, each with its N rows one after the
// other; products take a panel, some strips, at a time. A block of rows of a panel stays in the
// first-level cache.
constexpr int64_t kChangeStrip = 32, kChangePanel = 4 * kChangeStrip, kChangeBlock = 64;
// Rows of changes that are multiplied together where most of them are not zero; at most kLanes.
constexpr int64_t kChangeRows = 14;

constexpr int64_t change_blocks(int64_t units) { return (units + kChangeBlock - 1) / kChangeBlock; }

// What has changed in one row of a layer's means, times `scale`.
struct ChangedRow {
  const float* mean;  // (padded cols)
  float* noted;       // (padded cols) the means that were noted last; follows where they are again
  int64_t cols;
  float least, scale;  // smaller changes wait until they have added up
  float* change;       // (padded cols) zeros where nothing has
};

// Those changes in lists, in blocks of kChangeBlock units: where the packed row of each such unit
// begins in its strip, and its change.
struct ListedRow {
  const float* change;  // (padded cols)
  int64_t cols;
  uint32_t* starts;  // (change_blocks(cols) + 1) of each block in the lists
  uint32_t* at;      // these two with room for kLanes beyond cols
  float* listed;
};

// Where products with changes go: out[rows[k], :] += ..., k < count.
struct ChangedInputs {
  const int64_t* rows;
  int64_t count;
  float* out;  // of row 0, the panel's first column
  int64_t stride;
};

// The changes in each row times one panel (units, kChangePanel) of packed weights.
struct AddChanges {
  const float* panel;
  int64_t units;
  ChangedInputs to;
  const uint32_t *starts, *at;  // of row 0, as ListedRow has them; a row's lists `room` apart
  const float* change;
  int64_t room;
};

// The same of at most kChangeRows rows, from their dense changes transposed. The sums are the same
// bit for bit: what is skipped there adds zero here.
struct AddDenseChanges {
  const float* panel;
  int64_t units;
  ChangedInputs to;
  const float* changes;  // (units, kLanes), row rows[k] in column k
};

// A row of an ExtrapolatedLayer (csrc/ops/mean_field.h), all four of padded cols.
struct ExtrapolatedRow {
  float *x, *start, *last, *change;
  int64_t cols;
};

// The loss of one row and scale times its derivatives; padded rows, null where not there or wanted.
struct LossRow {
  LossKind kind;
  const float *prediction, *log_variance, *target;
  float *gradient, *log_variance_gradient;
  int64_t cols;
  float scale;
};

// A run of parameters in memory, as many as whole vectors hold.
struct DescentSpan {
  DescentRule rule;
  const DescentFactors* factors;
  const float *weight, *gradient;
  float *new_weight, *first, *second;
  int64_t count;
};

// out (rows, cols) = A B [+ out]. Element (r, k) of A, (rows, depth), lies at
// a[r * a_row + k * a_depth]; B and out are rows of whole vectors, as a Tensor's that is padded.
// The padding of out becomes zero.
struct DenseProduct {
  const float* a;
  int64_t a_row, a_depth;
  const float* b;
  int64_t b_stride;
  float* out;
  int64_t out_stride;
  int64_t rows, cols, depth;
  bool accumulate;
};

// What is not zero in the rows of A: of row r, counts[r] values, and where the rows of B that
// belong to them begin, in floats. Both lists of a row begin at starts[r].
struct Nonzeros {
  uint32_t* at;
  float* value;
  int64_t *starts, *counts;
};

// The lists of A (rows, cols) = x, or its transpose, for a B whose rows lie `step` floats apart; x
// is padded. Rows' lists lie one after the other from `first` on, with room for kLanes more than x
// has elements; those of the transpose have column_room() each.
struct ListNonzeros {
  const float* x;
  int64_t stride, rows, cols, step, first;
  Nonzeros out;
};

// The places of one list of the transpose.
constexpr int64_t column_room(int64_t rows) { return round_up(rows, kLanes) + kLanes; }

// out (rows, cols) = A B; B and out as in DenseProduct.
struct SparseProduct {
  Nonzeros a;
  const float* b;
  float* out;
  int64_t out_stride;
  int64_t rows, cols;
};

// Numbers of the channels of images in rows: `width` of them, channel after channel, which begin
// again along a row until it ends; the least multiple of 16 that ends with the last channel.
struct NormLanes {
  const float *mean, *inverse_deviation, *gamma, *beta;
  int64_t width;
};

// A row of images, `cols` elements: what was normalised, the result y = f(.), and the gradient by
// it; y is not read where f is the identity.
struct NormGradientRow {
  NormLanes norm;
  Function f;
  const float *x, *y, *dy;
  int64_t cols;
};

// The columns of B that are packed together, and that a product is cut between.
constexpr int64_t kProductStrip = 32;

struct Kernels {
  const char* name;
  // Rows [begin, end) of the product.
  void (*binary_matmul)(const BinaryMatmul& job, int64_t begin, int64_t end);
  // out = (out + other) + bias, over padded rows; bias may be null.
  void (*merge_row)(float* out, const float* other, const float* bias, int64_t padded_cols);
  void (*activate_row)(const ActivateRow& job);
  // out[c] = uniform of element c of the row that starts at `counter`; out is padded.
  void (*uniform_row)(float* out, int64_t cols, uint64_t counter, uint64_t stream, uint64_t seed);
  // Standard normals of a multiple of 16 elements (csrc/core/draws.h), two to a counter.
  void (*standard_normals)(float* out, int64_t count, uint64_t counter, uint64_t stream,
                           uint64_t seed);
  // Returns how many have changed.
  int64_t (*note_changes)(const ChangedRow& job);
  void (*list_changes)(const ListedRow& job);
  void (*add_changes)(const AddChanges& job);
  void (*add_dense_changes)(const AddDenseChanges& job);
  StepSums (*step_sums)(const ExtrapolatedRow& job);
  // x becomes the next start; t is that of the whole row.
  void (*next_start)(const ExtrapolatedRow& job, float t);
  // Column words [begin, end) of x, as the rows from out_row on of `out`, (its rows, x.rows()).
  void (*transpose_bits)(const BitTensor& x, int64_t begin, int64_t end, BitTensor& out,
                         int64_t out_row);
  // Rows [begin, end) of `x`, a multiple of 16 at begin, as columns of `out`. Both padded.
  void (*transpose)(const Tensor& x, Tensor& out, int64_t begin, int64_t end);
  // out[i, :] = scale * popcount over the batch of a[i] & b[j]; `b` is (words, padded J) as words.
  void (*popcount_row)(const uint64_t* a, const uint64_t* b, int64_t words, int64_t padded_cols,
                       float scale, bool accumulate, float* out);
  // The number of ones in `words` words.
  int64_t (*count_ones)(const uint64_t* x, int64_t words);
  // sums[c] += x[c] over the rows of a padded float matrix, in float64.
  void (*column_sums)(const Tensor& x, double* sums);
  void (*bit_column_sums)(const BitTensor& x, double* sums);
  // sum_j log(1 + exp(x_j)) over float64 values; exact to about 1 ulp of the sum.
  double (*softplus_sum)(const double* x, int64_t n);
  // sum_j [log(1 + exp(high x_j)) - log(1 + exp(low x_j))] over a padded float row.
  double (*softplus_difference)(const float* x, int64_t cols, float low, float high);
  // max_j |x_j - y_j| of two padded float rows.
  float (*largest_difference)(const float* x, const float* y, int64_t cols);
  // out[j] = bias[j] + sum of the rows of w (float32) that `active` lists, in float64.
  void (*gather_rows)(const float* w, int64_t stride, const int32_t* active, int64_t count,
                      const double* bias, double* out, int64_t padded_cols);
  // out[j] += x * w[j], in float64.
  void (*axpy)(double x, const float* w, double* out, int64_t padded_cols);
  // Rows [begin, end) of an update, from the gradient whose row 0 is row `first` of the weights.
  // Returns false when a new value is not finite.
  bool (*update_rows)(const Update& job, const Tensor& gradient, int64_t first, int64_t begin,
                      int64_t end);
  // out = f(x) over a padded row, zeros in its padding.
  void (*map_row)(Function f, const float* x, float* out, int64_t cols);
  // out = f(out + bias) over padded rows; f an activation; bias may be null.
  void (*add_and_activate)(Function f, const float* bias, float* out, int64_t cols);
  // out = dy f'(.) over padded rows, y = f(.).
  void (*slope_row)(Function f, const float* y, const float* dy, float* out, int64_t cols);
  // out = f(x normalised) over a padded row; out may be x.
  void (*normalise_row)(const NormLanes& norm, Function f, const float* x, float* out,
                        int64_t cols);
  // Adds x[c + k step], and its square, to element c < width of the sums, for all k that lead to
  // elements before `end`.
  void (*moment_sums)(const float* x, int64_t step, int64_t end, int64_t width, double* sums,
                      double* squares);
  // Adds the gradients before f, and their products with the standardised elements, lane by lane.
  void (*gradient_sums)(const NormGradientRow& job, double* sums, double* products);
  // out = the gradient by x; mean and slope, those of norm_gradient, are lanes too.
  void (*norm_gradient_row)(const NormGradientRow& job, const float* mean, const float* slope,
                            float* out);
  double (*loss_row)(const LossRow& job);
  // Returns false when a new value is not finite.
  bool (*descend)(const DescentSpan& job);
  void (*dense_product)(const DenseProduct& job);
  void (*list_rows)(const ListNonzeros& job);
  void (*list_columns)(const ListNonzeros& job);
  void (*sparse_product)(const SparseProduct& job);
  // out (depth, kProductStrip) = the transpose of `count` padded rows, zeros beyond them.
  void (*pack_strip)(const float* rows, int64_t stride, int64_t count, int64_t depth, float* out);
};

// The table in use: the best the machine has, or the one GIBBSLAB_ISA names.
const Kernels& kernels();
// The table of a name ("baseline", "avx2", "avx512"), or null if this machine cannot run it.
const Kernels* find_kernels(const char* name);

}  // namespace gibbslab::cpu
