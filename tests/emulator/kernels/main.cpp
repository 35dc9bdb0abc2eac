// Every family of kernels at small sizes: test_emulator_kernels PLUG-IN [CASE...], where a case is
// named by how its name begins; all of them without names.
#include <algorithm>
#include <string>

#include "csrc/core/plugin.h"
#include "tests/emulator/kernels/both.h"

namespace gibbslab::kernel_cases {
namespace {

Backend* opened = nullptr;

void check_padding(const BitTensor& x) {
  const int64_t used = x.cols() % 64;
  if (used == 0) return;
  for (int64_t r = 0; r < x.rows(); ++r)
    if (x.row(r)[x.words_per_row() - 1] >> used)
      check::fail(__FILE__, __LINE__,
                  "bits beyond the last column are set in row " + std::to_string(r) + " of (" +
                      shape_string(x.rows(), x.cols()) + ")");
}

}  // namespace

Backend& device() { return *opened; }

void Values::add(const Tensor& x) {
  const Tensor here = x.to(host_memory());
  for (int64_t r = 0; r < here.rows(); ++r)
    for (int64_t c = 0; c < here.cols(); ++c) add(here.row(r)[c]);
}

void Values::add(const BitTensor& x) {
  const BitTensor here = x.to(host_memory());
  check_padding(here);
  for (int64_t r = 0; r < here.rows(); ++r)
    for (int64_t c = 0; c < here.cols(); ++c) add(here.get(r, c) ? 1.0 : 0.0);
}

void agree(const Computation& compute, double tolerance) {
  const Values expected = compute(Context(cpu_backend(), 7, 1));
  const Values found = compute(Context(device(), 7, 1));
  CHECK(!expected.all().empty());
  CHECK(found.all().size() == expected.all().size());
  for (size_t i = 0; i < found.all().size(); ++i)
    CHECK_NEAR(found.all()[i], expected.all()[i],
               tolerance * std::max(1.0, std::abs(expected.all()[i])));
}

}  // namespace gibbslab::kernel_cases

int main(int count, char** names) {
  if (count < 2) {
    std::fprintf(stderr, "usage: %s PLUG-IN [CASE...]\n", names[0]);
    return 2;
  }
  std::string why;
  gibbslab::kernel_cases::opened = gibbslab::open_plugin(names[1], why);
  if (gibbslab::kernel_cases::opened == nullptr) {
    std::fprintf(stderr, "%s\n", why.c_str());
    return 2;
  }
  const auto named = [&](const check::Case& one) {
    return count == 2 || std::any_of(names + 2, names + count, [&](const char* name) {
             return std::string(one.name).compare(0, std::string(name).size(), name) == 0;
           });
  };
  std::erase_if(check::cases(), [&](const check::Case& one) { return !named(one); });
  CHECK(!check::cases().empty());
  return check::run_all();
}
