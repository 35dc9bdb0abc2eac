// Addressed random numbers: the same words as the CPU's, element by element.
//
//   uniform    out[r, c] = uniform of word c % 4 at counter (first_row + r) ceil(C / 4) + c / 4
//   normal     out[r, c] = mean + deviation z, z by Box and Muller's cosine in float64 from words
//              0, 1 or 2, 3 at counter e / 2, e = (first_row + r) C + c
//   bernoulli  out[r, c] = uniform < p[r, c], as bits; p (R, C), or (1, C) for every row
//
// cuRAND is not used: its host API fills arrays with a sequence in an order of its own, and here
// every word is named by draw, row and column, so that it is the CPU's whatever the grid is.
//
// uniform, bernoulli: a thread owns the four columns of one counter; sixteen lanes make a word of
// bits. normal: a thread owns one element.
#include "csrc/ops/random.h"

#include "csrc/core/draws.h"
#include "csrc/core/faults.h"
#include "kernels/device.cuh"
#include "kernels/draws.cuh"
#include "kernels/launch.cuh"
#include "kernels/reduction.cuh"
#include "kernels/rows.cuh"

namespace gibbslab::cuda {
namespace {

// ------------------------------------------------------------------------------------ kernels

__global__ void uniform_rows(Draw draw, Output out, int64_t rows) {
  const int64_t quad = along_row();
  if (quad >= out.quads()) return;
  for (int64_t r = first_row(); r < rows; r += row_step())
    out.store(r, 4 * quad,
              uniforms_at(row_counter(draw, r, out.cols) + static_cast<uint64_t>(quad), draw));
}

// Of *stored, where that is given.
__global__ void normal_rows(Draw draw, const Draw* stored, float mean, float deviation, Output out,
                            int64_t rows) {
  if (stored != nullptr) draw = *stored;
  const int64_t c = along_row();
  if (c >= out.width()) return;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const uint64_t element = static_cast<uint64_t>(draw.first_row + r) * out.cols + c;
    // Rounded twice, as on the CPU.
    const float x = __fadd_rn(mean, __fmul_rn(deviation, standard_normal(element, draw)));
    out.row(r)[c] = c < out.cols ? x : 0.0f;
  }
}

// The word that the four bits of sixteen lanes make, in the first lane of the sixteen.
__device__ inline uint64_t word_of_lanes(unsigned four) {
  unsigned half = four << 4 * (threadIdx.x % 8);
  for (int step = 1; step < (fault("kernel_wrong_mask") ? 4 : 8); step *= 2)
    half |= __shfl_xor_sync(kAllLanes, half, step);
  const unsigned other = __shfl_xor_sync(kAllLanes, half, 8);
  return half | static_cast<uint64_t>(other) << 32;
}

__global__ void bernoulli_rows(Input p, Draw draw, uint64_t* out, int64_t words, int64_t rows) {
  const int64_t quad = along_row(), c = 4 * quad;  // whole warps stay: lanes exchange bits
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const float4 mean = p.load(r, c);  // zero, which never fires, beyond the last column
    const float4 u = uniforms_at(row_counter(draw, r, p.cols) + static_cast<uint64_t>(quad), draw);
    const unsigned four = fires(u.x, mean.x) | fires(u.y, mean.y) << 1 | fires(u.z, mean.z) << 2 |
                          fires(u.w, mean.w) << 3;
    const uint64_t word = word_of_lanes(four);
    if (quad % 16 == 0 && quad / 16 < words) out[r * words + quad / 16] = word;
  }
}

// ---------------------------------------------------------------------------------- launchers

void launch_normal(const Draw& draw, const Draw* stored, float mean, float deviation, Tensor& out) {
  if (out.empty()) return;
  const Output to = output(out);
  const Cover over = cover(out.rows(), to.width());
  launch(normal_rows, over.grid, over.block, 0, stream(), draw, stored, mean, deviation, to,
         out.rows());
}

struct CudaRandom : RandomOps {
  void uniform(const Context&, const Draw& draw, Tensor& out) override {
    if (out.empty()) return;
    const Output to = output(out);
    const Cover over = cover(out.rows(), to.quads());
    launch(uniform_rows, over.grid, over.block, 0, stream(), draw, to, out.rows());
  }

  void normal(const Context&, const Draw& draw, float mean, float deviation, Tensor& out) override {
    launch_normal(draw, nullptr, mean, deviation, out);
  }
  void normal_of_stored(const Context&, const Draw* draw, float mean, float deviation,
                        Tensor& out) override {
    launch_normal({}, draw, mean, deviation, out);
  }

  void bernoulli(const Context&, const Tensor& p, const Draw& draw, BitTensor& out) override {
    if (out.empty()) return;
    const Cover over = cover(out.rows(), 16 * out.words_per_row());
    const Input means = p.rows() == 1 ? repeated(p) : input(p);
    launch(bernoulli_rows, over.grid, over.block, 0, stream(), means, draw, out.row(0),
           out.words_per_row(), out.rows());
  }
};

}  // namespace

RandomOps& random_ops() {
  static CudaRandom ops;
  return ops;
}

}  // namespace gibbslab::cuda
