#include <memory>
#include <vector>

#include "csrc/models/dataset.h"
#include "tests/cpp/check.h"
#include "tests/cpp/random_data.h"

namespace gibbslab {
namespace {

using check_data::bits;
using check_data::context;
using check_data::reals;
using check_data::same;

// A dense matrix in CSR form; `owner` keeps the arrays.
struct CsrArrays {
  std::vector<int64_t> starts{0};
  std::vector<int32_t> columns;
  std::vector<float> values;
};

Csr csr_of(const Tensor& x) {
  auto arrays = std::make_shared<CsrArrays>();
  for (int64_t r = 0; r < x.rows(); ++r) {
    for (int64_t c = 0; c < x.cols(); ++c)
      if (x.row(r)[c] != 0.0f) {
        arrays->columns.push_back(static_cast<int32_t>(c));
        arrays->values.push_back(x.row(r)[c]);
      }
    arrays->starts.push_back(static_cast<int64_t>(arrays->columns.size()));
  }
  return {arrays->starts.data(),
          arrays->columns.data(),
          arrays->values.data(),
          x.rows(),
          x.cols(),
          arrays};
}

Tensor rows_of(const Tensor& x, const std::vector<int64_t>& order) {
  Tensor out = Tensor::zeros(static_cast<int64_t>(order.size()), x.cols());
  for (size_t r = 0; r < order.size(); ++r)
    for (int64_t c = 0; c < x.cols(); ++c) out.row(static_cast<int64_t>(r))[c] = x.row(order[r])[c];
  return out;
}

bool gathers(const Dataset& data, const Tensor& x, const std::vector<int64_t>& order) {
  const States batch =
      data.gather(check_data::context(), order.data(), static_cast<int64_t>(order.size()));
  return same(ops::unpacked(context(), batch), rows_of(x, order));
}

const std::vector<std::vector<int64_t>> kOrders = {{0}, {4, 0, 4, 2}, {}, {1, 2, 3, 4, 0}};

TEST(binary_rows_are_packed_dense_and_sparse) {
  for (int64_t cols : {1, 31, 64, 65, 257}) {
    const Tensor x = ops::unpacked(context(), bits(5, cols, 1));
    const Dataset dense(context(), x), sparse(context(), csr_of(x));
    CHECK(dense.binary() && sparse.binary());
    CHECK(dense.rows() == 5 && dense.cols() == cols && sparse.rows() == 5 && sparse.cols() == cols);
    for (const auto& order : kOrders) CHECK(gathers(dense, x, order) && gathers(sparse, x, order));
  }
}

TEST(real_rows_stay_as_they_are) {
  for (int64_t cols : {1, 33, 127}) {
    Tensor x = reals(5, cols, 2);
    x.row(3)[cols / 2] = 0.0f;
    const Dataset dense(context(), x), sparse(context(), csr_of(x));
    CHECK(!dense.binary() && !sparse.binary());
    for (const auto& order : kOrders) CHECK(gathers(dense, x, order) && gathers(sparse, x, order));
  }
}

TEST(sparse_zeros_that_are_stored_count_as_zeros) {
  const std::vector<int64_t> starts = {0, 2, 2, 3};
  const std::vector<int32_t> columns = {0, 3, 1};
  const std::vector<float> values = {0.0f, 1.0f, 1.0f};
  const Dataset data(context(), Csr{starts.data(), columns.data(), values.data(), 3, 4, nullptr});
  CHECK(data.binary());
  const std::vector<int64_t> order = {0, 1, 2};
  const BitTensor batch = data.gather(check_data::context(), order.data(), 3).bits();
  CHECK(batch.count() == 2 && batch.get(0, 3) && batch.get(2, 1));
}

TEST(an_unpadded_view_is_read_in_place) {
  const std::vector<float> values = {0.5f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f};
  const Dataset data(context(), Tensor::borrow(values.data(), 2, 3, 3, nullptr));
  CHECK(!data.binary());
  const int64_t last = 1;
  const Tensor row = data.gather(check_data::context(), &last, 1).dense();
  CHECK(row.padded() && row.row(0)[0] == 3.0f && row.row(0)[2] == 5.0f && row.row(0)[3] == 0.0f);
}

}  // namespace
}  // namespace gibbslab
