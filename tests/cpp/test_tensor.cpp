#include <cstdint>
#include <new>
#include <thread>
#include <vector>

#include "csrc/core/error.h"
#include "csrc/core/tensor.h"
#include "tests/cpp/check.h"
#include "tests/cpp/random_data.h"

namespace gibbslab {
namespace {

TEST(zeros_are_aligned_padded_and_zero) {
  for (int64_t cols : {1, 15, 16, 17, 257}) {
    const Tensor t = Tensor::zeros(3, cols);
    CHECK(t.stride() % kLanes == 0 && t.stride() >= cols && t.padded());
    for (int64_t r = 0; r < 3; ++r) {
      CHECK(reinterpret_cast<std::uintptr_t>(t.row(r)) % 64 == 0);
      for (int64_t c = 0; c < t.stride(); ++c) CHECK(t.row(r)[c] == 0.0f);
    }
  }
}

TEST(a_reused_block_is_zeroed_again) {
  for (int round = 0; round < 3; ++round) {
    Tensor t = Tensor::zeros(7, 33);
    for (int64_t r = 0; r < 7; ++r)
      for (int64_t c = 0; c < t.stride(); ++c) CHECK(t.row(r)[c] == 0.0f);
    check_data::fill(t, 2.5f);
    BitTensor bits = BitTensor::zeros(7, 130);
    CHECK(bits.count() == 0);
    for (int64_t c = 0; c < 130; ++c) bits.set(3, c);
  }
}

TEST(copies_and_slices_share_and_clones_do_not) {
  Tensor t = Tensor::zeros(4, 5);
  Tensor copy = t, clone = t.clone(), tail = t.slice(2, 4);
  t.row(2)[1] = 3.0f;
  CHECK(copy.row(2)[1] == 3.0f && tail.row(0)[1] == 3.0f && clone.row(2)[1] == 0.0f);
  CHECK(tail.rows() == 2 && tail.cols() == 5 && t.slice(1, 1).empty());
}

TEST(a_slice_outside_is_refused) {
  const Tensor t = Tensor::zeros(4, 5);
  CHECK_THROWS(ShapeError, "[Tensor.slice] rows 2:5 are outside a tensor of 4 rows", t.slice(2, 5));
  CHECK_THROWS(ShapeError, "[Tensor.slice]", t.slice(-1, 2));
  CHECK_THROWS(ShapeError, "[Tensor.slice]", t.slice(3, 2));
}

TEST(a_borrowed_view_keeps_its_owner) {
  auto owner = std::make_shared<std::vector<float>>(6, 1.5f);
  const std::weak_ptr<std::vector<float>> watch = owner;
  Tensor view = Tensor::borrow(owner->data(), 2, 3, 3, owner);
  owner.reset();
  CHECK(!watch.expired() && !view.padded() && view.row(1)[2] == 1.5f);
  const Tensor clone = view.clone();
  CHECK(clone.padded() && clone.row(1)[2] == 1.5f && clone.row(1)[3] == 0.0f);
  view = Tensor();
  CHECK(watch.expired());
}

TEST(a_borrowed_view_lies_where_it_was_said_to) {
  struct Elsewhere : Memory {
    bool on_host() const override { return false; }
    std::shared_ptr<void> allocate(int64_t bytes) override { return host_memory().allocate(bytes); }
    void clear(void* at, int64_t bytes) override { host_memory().clear(at, bytes); }
    void copy(const Copy& job) override { host_memory().copy(job); }
  } elsewhere;
  const std::vector<float> values(6, 1.5f);
  const Tensor view = Tensor::borrow(values.data(), 2, 3, 3, nullptr, elsewhere);
  CHECK(&view.memory() == &elsewhere && &view.clone().memory() == &elsewhere);
  CHECK(view.to(elsewhere).data() == values.data());
  const Tensor here = view.to(host_memory());
  CHECK(here.data() != values.data() && here.padded() && here.row(1)[2] == 1.5f);
}

TEST(a_tensor_knows_whether_others_refer_to_it) {
  const Tensor t = Tensor::zeros(4, 5);
  CHECK(!t.shared() && !Tensor().shared());
  {
    const Tensor part = t.slice(1, 2);
    CHECK(t.shared() && part.shared());
  }
  CHECK(!t.shared());
}

TEST(impossible_sizes_are_bad_alloc) {
  CHECK_THROWS(std::bad_alloc, "", Tensor::zeros(int64_t{1} << 62, 16));
  CHECK_THROWS(std::bad_alloc, "", Tensor::zeros(int64_t{1} << 30, int64_t{1} << 30));
  CHECK_THROWS(std::bad_alloc, "", Tensor::zeros(-1, 16));
  CHECK_THROWS(std::bad_alloc, "", BitTensor::zeros(int64_t{1} << 40, int64_t{1} << 40));
}

TEST(bits_are_where_they_were_set) {
  for (int64_t cols : {1, 63, 64, 65, 200}) {
    BitTensor bits = BitTensor::zeros(3, cols);
    CHECK(bits.words_per_row() == (cols + 63) / 64);
    bits.set(1, cols - 1);
    bits.set(2, 0);
    const BitTensor shared = bits, clone = bits.clone();
    bits.set(0, 0);
    CHECK(shared.count() == 3 && clone.count() == 2);
    CHECK(bits.get(1, cols - 1) && bits.get(2, 0) && !clone.get(0, 0));
  }
}

TEST(states_are_dense_or_packed) {
  const States dense = Tensor::zeros(2, 3), packed = BitTensor::zeros(4, 5);
  CHECK(!dense.binary() && dense.rows() == 2 && dense.cols() == 3);
  CHECK(packed.binary() && packed.rows() == 4 && packed.cols() == 5);
  CHECK(shape_string(2, 3) == "(2, 3)");
}

TEST(threads_allocate_at_once) {
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int id = 0; id < 4; ++id)
    threads.emplace_back([id, &wrong] {
      for (int round = 0; round < 500; ++round) {
        Tensor t = Tensor::zeros(3, 17 + round % 3);
        wrong[static_cast<size_t>(id)] += t.row(2)[16] != 0.0f;
        check_data::fill(t, static_cast<float>(id));
        wrong[static_cast<size_t>(id)] += t.row(0)[0] != static_cast<float>(id);
      }
    });
  for (std::thread& t : threads) t.join();
  for (int count : wrong) CHECK(count == 0);
}

}  // namespace
}  // namespace gibbslab
