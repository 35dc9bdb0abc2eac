// What differentiable expressions are made of (csrc/ops/arithmetic.h).
//
//   map       out = f(x); (R, C)
//   combine   out (R, C) = a kind b, each of R or 1 rows and C or 1 columns
//   row_sums  out (R, 1) = scale times the sum over the columns of x (R, C), in float64
//   reshape   out (R', C') = the elements of x (R, C) in their order
//
// map: a thread owns four neighbouring columns of every row that it meets (rows.cuh); combine and
// reshape: one column. row_sums: a block owns a row (row_sums.cuh).
#include "csrc/ops/arithmetic.h"

#include "csrc/core/functions.h"
#include "kernels/row_sums.cuh"

namespace gibbslab::cuda {
namespace {

// ------------------------------------------------------------------------------------ kernels

template <class F>
__global__ void map_rows(float alpha, Input x, Output out, int64_t rows) {
  const int64_t c = 4 * along_row();
  if (c >= 4 * out.quads()) return;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const float4 v = x.load(r, c);
    out.store(r, c,
              {F::template value<float>(v.x, alpha), F::template value<float>(v.y, alpha),
               F::template value<float>(v.z, alpha), F::template value<float>(v.w, alpha)});
  }
}

__device__ inline float combined(Arithmetic kind, float x, float y) {
  if (kind == Arithmetic::kAdd) return x + y;
  if (kind == Arithmetic::kSubtract) return x - y;
  return kind == Arithmetic::kMultiply ? x * y : x / y;
}

// Steps of 0 repeat a row or a column.
struct Repeated {
  const float* data;
  int64_t row_step, column_step;
  __device__ float at(int64_t r, int64_t c) const { return data[r * row_step + c * column_step]; }
};

__global__ void combine_rows(Arithmetic kind, Repeated a, Repeated b, Output out, int64_t rows) {
  const int64_t c = along_row();
  if (c >= out.cols) return;
  for (int64_t r = first_row(); r < rows; r += row_step())
    out.row(r)[c] = combined(kind, a.at(r, c), b.at(r, c));
}

__global__ void __launch_bounds__(kRowThreads)
    float_row_sums(Input x, double scale, Output out, int64_t rows) {
  for (int64_t r = blockIdx.x; r < rows; r += gridDim.x) {
    const float* row = x.row(r);
    const double sum =
        block_sum<kRowThreads>(over_share(x.cols, [&](int64_t c) { return double{row[c]}; }));
    if (threadIdx.x == 0) out.row(r)[0] = static_cast<float>(scale * sum);
  }
}

__global__ void reshape_rows(Input x, Output out, int64_t rows) {
  const int64_t c = along_row();
  if (c >= out.cols) return;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const int64_t element = r * out.cols + c;
    out.row(r)[c] = x.row(element / x.cols)[element % x.cols];
  }
}

// ---------------------------------------------------------------------------------- launchers

Repeated repeated_operand(const Tensor& x) {
  return {x.data(), x.rows() == 1 ? 0 : x.stride(), x.cols() == 1 ? 0 : 1};
}

struct CudaArithmetic : ArithmeticOps {
  void map(const Context&, Function f, const Tensor& x, Tensor& out) override {
    if (x.empty()) return;
    const Output to = output(out);
    const Cover over = cover(x.rows(), to.quads());
    visit_function(f.kind, [&](auto function) {
      launch(map_rows<decltype(function)>, over.grid, over.block, 0, stream(), f.alpha, input(x),
             to, x.rows());
    });
  }

  void combine(const Context&, Arithmetic kind, const Tensor& a, const Tensor& b,
               Tensor& out) override {
    if (out.empty()) return;
    const Cover over = cover(out.rows(), out.cols());
    launch(combine_rows, over.grid, over.block, 0, stream(), kind, repeated_operand(a),
           repeated_operand(b), output(out), out.rows());
  }

  void row_sums(const Context&, const Tensor& x, double scale, Tensor& out) override {
    if (x.empty()) return;
    constexpr int64_t kMostBlocks = int64_t{1} << 30;
    launch(float_row_sums, dim3(static_cast<unsigned>(std::min(x.rows(), kMostBlocks))),
           dim3(kRowThreads), 0, stream(), input(x), scale, output(out), x.rows());
  }

  void reshape(const Context&, const Tensor& x, Tensor& out) override {
    if (out.empty()) return;
    const Cover over = cover(out.rows(), out.cols());
    launch(reshape_rows, over.grid, over.block, 0, stream(), input(x), output(out), out.rows());
  }
};

}  // namespace

ArithmeticOps& arithmetic_ops() {
  static CudaArithmetic ops;
  return ops;
}

}  // namespace gibbslab::cuda
