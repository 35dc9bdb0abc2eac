// Images enlarged by whole factors (csrc/ops/upsample.h, csrc/core/enlargement.h), and the
// transpose of that map.
//
//   forward     out[p, q, c] = sum over the two rows and columns of x that p and q lie between
//   transposed  out[r, k, c] = sum over the pixels of y that take of (r, k), in order
//
// A thread owns one element of every sample that it meets (rows.cuh).
#include "csrc/ops/upsample.h"

#include "csrc/core/faults.h"
#include "kernels/device.cuh"
#include "kernels/launch.cuh"
#include "kernels/rows.cuh"

namespace gibbslab::cuda {
namespace {

// A pixel of an image `width` pixels wide, and a channel of it.
struct ElementAt {
  int64_t row, col, channel;
};
__device__ inline ElementAt element_at(int64_t at, int64_t width, int64_t channels) {
  const int64_t pixel = at / channels;
  return {pixel / width, pixel % width, at % channels};
}

// ------------------------------------------------------------------------------------ kernels

__global__ void enlarge_rows(Enlargement g, Input x, Output out, int64_t batch) {
  const int64_t at = along_row();
  if (at >= out.cols) return;
  const ElementAt to = element_at(at, g.cols * g.col_factor, g.channels);
  const TwoPixels down = sources_of(to.row, g.rows, g.row_factor, g.bilinear);
  const TwoPixels along = sources_of(to.col, g.cols, g.col_factor, g.bilinear);
  for (int64_t n = first_row(); n < batch; n += row_step()) {
    const auto pixel = [&](int64_t r, int64_t k) {
      return x.row(n)[(r * g.cols + k) * g.channels + to.channel];
    };
    const auto mixed = [&](int64_t r) {
      return (1.0f - along.share) * pixel(r, along.first) + along.share * pixel(r, along.second);
    };
    out.row(n)[at] = (1.0f - down.share) * mixed(down.first) + down.share * mixed(down.second);
  }
}

__global__ void gather_rows(Enlargement g, Input y, Output out, int64_t batch) {
  const int64_t at = along_row();
  if (at >= out.cols) return;
  const ElementAt to = element_at(at, g.cols, g.channels);
  const PixelRange down = reach_of(to.row, g.rows, g.row_factor, g.bilinear),
                   along = reach_of(to.col, g.cols, g.col_factor, g.bilinear);
  const int64_t end = down.end - (fault("upsample_last_row_left_out") ? 1 : 0);
  for (int64_t n = first_row(); n < batch; n += row_step()) {
    float sum = 0.0f;
    for (int64_t p = down.begin; p < end; ++p) {
      const float share = share_of(to.row, p, g.rows, g.row_factor, g.bilinear);
      for (int64_t q = along.begin; q < along.end; ++q)
        sum += share * share_of(to.col, q, g.cols, g.col_factor, g.bilinear) *
               y.row(n)[(p * g.cols * g.col_factor + q) * g.channels + to.channel];
    }
    out.row(n)[at] = sum;
  }
}

// ---------------------------------------------------------------------------------- launchers

struct CudaUpsample : UpsampleOps {
  void forward(const Context&, const Enlargement& g, const Tensor& x, Tensor& out) override {
    const Cover over = cover(out.rows(), out.cols());
    launch(enlarge_rows, over.grid, over.block, 0, stream(), g, input(x), output(out), out.rows());
  }

  void transposed(const Context&, const Enlargement& g, const Tensor& y, Tensor& out) override {
    const Cover over = cover(out.rows(), out.cols());
    launch(gather_rows, over.grid, over.block, 0, stream(), g, input(y), output(out), out.rows());
  }
};

}  // namespace

UpsampleOps& upsample_ops() {
  static CudaUpsample ops;
  return ops;
}

}  // namespace gibbslab::cuda
