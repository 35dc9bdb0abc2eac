// Elementwise operations and conversions between the two kinds of states.
//
//   sigmoid    out = 1 / (1 + exp(-x)); x, out (R, C)
//   unpack     out[r, c] = bit c of row r; x (R, C) bits, out (R, C)
//   pack       the reverse, and whether every value was 0 or 1
//   overwrite  states[r, c] = known[r, c] where mask[r, c]; mask (R, C) or (1, C) bits
//   linear     out = p x + q y + r, in float64, rounded once; bit-equal to the CPU's
//   gather     out[r, :] = x[order[r], :]; order (count) on the host
//   convert    out[r, c] = x[r, c] of another number type; rows any number of elements apart
//
// convert: a thread owns one column, for elements of any size lie anywhere. Other floats: a thread
// owns four neighbouring columns of every row that it meets (rows.cuh), padding included. Bits: a
// thread owns a word of 64 columns; in pack a warp owns one, two columns a lane.
#include "csrc/ops/elementwise.h"

#include "csrc/core/faults.h"
#include "csrc/core/formulas.h"
#include "kernels/device.cuh"
#include "kernels/launch.cuh"
#include "kernels/reduction.cuh"
#include "kernels/rows.cuh"

namespace gibbslab::cuda {
namespace {

// ------------------------------------------------------------------------------------ kernels

__device__ inline float sigmoid_of(float x) {
  const float p = gibbslab::sigmoid<float>(x);
  return fault("sigmoid_off") ? p + 1e-3f : p;
}

__global__ void sigmoid_rows(Input x, Output out, int64_t rows) {
  const int64_t quad = along_row();
  if (quad >= out.quads()) return;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const float4 v = x.load(r, 4 * quad);
    out.store(r, 4 * quad, {sigmoid_of(v.x), sigmoid_of(v.y), sigmoid_of(v.z), sigmoid_of(v.w)});
  }
}

__global__ void unpack_rows(StatesView x, Output out, int64_t rows) {
  const int64_t c = 4 * along_row();
  if (c >= 4 * out.quads()) return;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const uint64_t word = c < out.cols ? x.bits[r * x.stride + (c >> 6)] : 0;
    const unsigned four = static_cast<unsigned>(word >> (c & 63));
    out.store(r, c,
              {four & 1 ? 1.0f : 0.0f, four & 2 ? 1.0f : 0.0f, four & 4 ? 1.0f : 0.0f,
               four & 8 ? 1.0f : 0.0f});
  }
}

// A lane packs columns c and c + 32. Values that are neither 0 nor 1 raise the flag.
__global__ void pack_rows(Input x, uint64_t* out, int64_t words, int64_t rows, unsigned* other) {
  const int64_t word = along_row() / 32, c = 64 * word + threadIdx.x % 32;
  if (word >= words) return;  // a whole warp
  const int64_t cols = x.cols - (fault("kernel_off_by_one") ? 1 : 0);
  bool binary = true;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const float* row = x.row(r);
    const float a = c < cols ? row[c] : 0.0f, b = c + 32 < cols ? row[c + 32] : 0.0f;
    binary = binary && (a == 0.0f || a == 1.0f) && (b == 0.0f || b == 1.0f);
    const uint64_t low = __ballot_sync(kAllLanes, a != 0.0f);
    const uint64_t high = __ballot_sync(kAllLanes, b != 0.0f);
    if (threadIdx.x % 32 == 0)
      out[r * words + word] = fault("kernel_wrong_mask") ? low | low << 32 : low | high << 32;
  }
  binary = __all_sync(kAllLanes, binary);
  if (!binary && threadIdx.x % 32 == 0) atomicOr(other, 1u);
}

// mask_stride is 0 for one mask for all rows.
__global__ void overwrite_words(const uint64_t* mask, int64_t mask_stride, const uint64_t* known,
                                uint64_t* states, int64_t words, int64_t rows) {
  const int64_t w = along_row();
  if (w >= words) return;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const uint64_t chosen = mask[r * mask_stride + w];
    uint64_t& state = states[r * words + w];
    state = (state & ~chosen) | (known[r * words + w] & chosen);
  }
}

__global__ void choose_rows(StatesView mask, StatesView known, StatesView states, Output out,
                            int64_t rows) {
  const int64_t first = 4 * along_row();
  if (first >= 4 * out.quads()) return;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    float x[4] = {};
    for (int i = 0; i < 4; ++i)
      if (const int64_t c = first + i; c < out.cols)
        x[i] = mask.at(r, c) != 0.0f ? known.at(r, c) : states.at(r, c);
    out.store(r, first, {x[0], x[1], x[2], x[3]});
  }
}

struct Coefficients {
  double p, q, r;
  // Never contracted: the CPU rounds each product.
  __device__ float of(float x, float y) const {
    const double sum =
        __dadd_rn(__dmul_rn(p, static_cast<double>(x)), __dmul_rn(q, static_cast<double>(y)));
    return static_cast<float>(__dadd_rn(sum, r));
  }
};

// y.data may be null; out may be x or y.
__global__ void linear_rows(Coefficients by, Input x, Input y, Output out, int64_t rows) {
  const int64_t c = 4 * along_row();
  if (c >= 4 * out.quads()) return;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const float4 a = x.load(r, c), b = y.data != nullptr ? y.load(r, c) : float4{};
    out.store(r, c, {by.of(a.x, b.x), by.of(a.y, b.y), by.of(a.z, b.z), by.of(a.w, b.w)});
  }
}

__global__ void gather_floats(Input x, const int64_t* order, Output out, int64_t rows) {
  const int64_t c = 4 * along_row();
  if (c >= 4 * out.quads()) return;
  for (int64_t r = first_row(); r < rows; r += row_step()) out.store(r, c, x.load(order[r], c));
}

__global__ void gather_words(const uint64_t* x, const int64_t* order, uint64_t* out, int64_t words,
                             int64_t rows) {
  const int64_t w = along_row();
  if (w >= words) return;
  for (int64_t r = first_row(); r < rows; r += row_step())
    out[r * words + w] = x[order[r] * words + w];
}

template <class Number>
__global__ void convert_rows(const typename Number::Stored* x, int64_t stride, Output out,
                             int64_t rows) {
  const int64_t c = along_row(), cols = out.cols - (fault("kernel_off_by_one") ? 1 : 0);
  if (c >= out.width()) return;
  for (int64_t r = first_row(); r < rows; r += row_step())
    out.row(r)[c] = c < cols ? Number::value(x[r * stride + c]) : 0.0f;
}

// ---------------------------------------------------------------------------------- launchers

void launch_pack(Input x, BitTensor& out, unsigned* other) {
  const Cover over = cover(out.rows(), 32 * out.words_per_row());
  launch(pack_rows, over.grid, over.block, 0, stream(), x, out.row(0), out.words_per_row(),
         out.rows(), other);
}

int64_t mask_stride(const BitTensor& mask) { return mask.rows() == 1 ? 0 : mask.words_per_row(); }

void launch_overwrite(const BitTensor& mask, const BitTensor& known, BitTensor& states) {
  const Cover over = cover(states.rows(), states.words_per_row());
  launch(overwrite_words, over.grid, over.block, 0, stream(), mask.row(0), mask_stride(mask),
         known.row(0), states.row(0), states.words_per_row(), states.rows());
}

void launch_choose(const BitTensor& mask, const States& known, const States& states, Tensor& out) {
  const Output to = output(out);
  const Cover over = cover(out.rows(), to.quads());
  launch(choose_rows, over.grid, over.block, 0, stream(),
         StatesView{nullptr, mask.row(0), mask_stride(mask)}, view(known), view(states), to,
         out.rows());
}

struct CudaElementwise : ElementwiseOps {
  void sigmoid(const Context&, const Tensor& x, Tensor& out) override {
    if (x.empty()) return;
    const Output to = output(out);
    const Cover over = cover(x.rows(), to.quads());
    launch(sigmoid_rows, over.grid, over.block, 0, stream(), input(x), to, x.rows());
  }

  void unpack(const Context&, const BitTensor& x, Tensor& out) override {
    if (x.empty()) return;
    const Output to = output(out);
    const Cover over = cover(x.rows(), to.quads());
    launch(unpack_rows, over.grid, over.block, 0, stream(), view(x), to, x.rows());
  }

  bool pack(const Context&, const Tensor& x, BitTensor& out) override {
    if (x.empty()) return true;
    const Scratch<unsigned> other(1);
    device_memory().clear(other.get(), sizeof(unsigned));
    launch_pack(input(x), out, other.get());
    unsigned found = 0;
    download(&found, other.get(), 1);
    return found == 0;
  }

  void overwrite(const Context& ctx, const BitTensor& mask, const States& known,
                 States& states) override {
    if (mask.empty() || states.rows() == 0) return;
    if (states.binary() && known.binary()) {
      BitTensor in_place = states.bits();  // shares the storage
      launch_overwrite(mask, known.bits(), in_place);
      return;
    }
    Tensor out = ops::empty(ctx, states.rows(), states.cols());
    launch_choose(mask, known, states, out);
    states = out;
  }

  void linear(const Context&, const Linear& job, Tensor& out) override {
    if (out.empty()) return;
    const Output to = output(out);
    const Cover over = cover(out.rows(), to.quads());
    launch(linear_rows, over.grid, over.block, 0, stream(), Coefficients{job.p, job.q, job.r},
           input(job.x), input(job.y), to, out.rows());
  }

  void gather(const Context&, const States& x, const int64_t* order, States& out) override {
    const int64_t rows = out.rows();
    if (rows == 0 || out.cols() == 0) return;
    const Scratch<int64_t> on_device(rows);
    upload(on_device.get(), order, rows);
    if (x.binary()) {
      BitTensor to = out.bits();  // handles: written in place
      const Cover over = cover(rows, to.words_per_row());
      launch(gather_words, over.grid, over.block, 0, stream(), x.bits().row(0), on_device.get(),
             to.row(0), to.words_per_row(), rows);
      return;
    }
    Tensor dense = out.dense();
    const Output to = output(dense);
    const Cover over = cover(rows, to.quads());
    launch(gather_floats, over.grid, over.block, 0, stream(), input(x.dense()), on_device.get(), to,
           rows);
  }

  void convert(const Context&, const ForeignMatrix& x, Tensor& out) override {
    if (out.empty()) return;
    const Output to = output(out);
    const Cover over = cover(x.rows, to.width());
    visit_element(x.element, [&](auto number) {
      using Number = decltype(number);
      launch(convert_rows<Number>, over.grid, over.block, 0, stream(),
             static_cast<const typename Number::Stored*>(x.data), x.stride, to, x.rows);
    });
  }
};

}  // namespace

ElementwiseOps& elementwise_ops() {
  static CudaElementwise ops;
  return ops;
}

}  // namespace gibbslab::cuda
