// Reductions, free energies and partition functions.
#include "tests/emulator/kernels/both.h"

namespace gibbslab::kernel_cases {
namespace {

constexpr int64_t kRows = 33, kVisible = 67, kHidden = 35;

struct Model {
  Tensor w, a, b;
  Model(const Context& ctx, int64_t visible, int64_t hidden)
      : w(reals(ctx, visible, hidden, 1)),
        a(reals(ctx, 1, visible, 2)),
        b(reals(ctx, 1, hidden, 3)) {}
  RbmView view() const { return {&w, &a, &b, 0.2}; }
};

// A measure that leaves one number for each row.
using Measure = std::function<void(const Context&, const Model&, double* out)>;
void agree_by_row(const Measure& measure) {
  agree([=](const Context& ctx) {
    std::vector<double> out(kRows, 1.0);
    measure(ctx, Model(ctx, kVisible, kHidden), out.data());
    Values found;
    found.add(out);
    return found;
  });
}

void column_sums(bool binary) {
  agree([=](const Context& ctx) {
    const States x =
        binary ? States(bits(ctx, kRows, kVisible, 4)) : States(reals(ctx, kRows, kVisible, 4));
    Tensor out = reals(ctx, 1, kVisible, 5);
    ops::column_sums(ctx, x, 0.5f, true, out);
    Values found;
    found.add(out);
    return found;
  });
}

}  // namespace

TEST(column_sums_of_bits) { column_sums(true); }
TEST(column_sums_of_reals) { column_sums(false); }

TEST(free_energy) {
  agree_by_row([](const Context& ctx, const Model& model, double* out) {
    ops::free_energy(ctx, model.view(), bits(ctx, kRows, kVisible, 4), out);
  });
}

TEST(energy) {
  agree_by_row([](const Context& ctx, const Model& model, double* out) {
    ops::energy(ctx, model.view(), bits(ctx, kRows, kVisible, 4), greys(ctx, kRows, kHidden, 5),
                out);
  });
}

TEST(pseudo_likelihood) {
  agree_by_row([](const Context& ctx, const Model& model, double* out) {
    ops::pseudo_likelihood(ctx, model.view(), bits(ctx, kRows, kVisible, 4), out);
  });
}

TEST(softplus_difference) {
  agree_by_row([](const Context& ctx, const Model&, double* out) {
    ops::softplus_difference(ctx, reals(ctx, kRows, kVisible, 4), 0.2f, 0.9f, out);
  });
}

TEST(weighted_sums) {
  agree_by_row([](const Context& ctx, const Model& model, double* out) {
    ops::weighted_sums(ctx, bits(ctx, kRows, kVisible, 4), model.a, 0.5, out);
  });
}

TEST(largest_differences) {
  agree_by_row([](const Context& ctx, const Model&, double* out) {
    ops::largest_differences(ctx, reals(ctx, kRows, kVisible, 4), reals(ctx, kRows, kVisible, 5),
                             out);
  });
}

TEST(extrapolate) {
  agree([](const Context& ctx) {
    std::vector<Tensor> layers;
    for (const uint64_t stream : {4, 5, 6, 7}) {
      layers.push_back(greys(ctx, kRows, kVisible, stream));
      layers.push_back(greys(ctx, kRows, kHidden, stream + 4));
    }
    ops::extrapolate(ctx, {{&layers[0], &layers[2], &layers[4], &layers[6]},
                           {&layers[1], &layers[3], &layers[5], &layers[7]}});
    Values found;
    for (const Tensor& x : layers) found.add(x);
    return found;
  });
}

TEST(dot) {
  agree([](const Context& ctx) {
    Values found;
    found.add(ops::dot(ctx, reals(ctx, 1, 300, 1), reals(ctx, 1, 300, 2)));
    return found;
  });
}

TEST(log_partition) {
  agree([](const Context& ctx) {
    Values found;
    for (const int64_t visible : {3, 10})  // fewer states than a block has threads, and more
      found.add(ops::log_partition(ctx, Model(ctx, visible, 35).view()));
    return found;
  });
}

}  // namespace gibbslab::kernel_cases
