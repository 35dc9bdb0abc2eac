// Exact sums over all states of one layer of a UnitRbm, the other in closed form.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/interrupt.h"
#include "csrc/core/philox.h"
#include "csrc/models/unit_rbm.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace {

constexpr int64_t kRows = 4096;

// Values that one digit of a state's number takes, and columns that it fills.
struct Digit {
  int64_t values, columns;
};

Digit digit_of(const UnitType& type) {
  switch (type.kind) {
    case UnitKind::kCategorical:
      return {type.count, type.count};
    case UnitKind::kBinomial:
      return {type.count + 1, 1};
    case UnitKind::kGaussian:
    case UnitKind::kRectified:
      return {0, 1};
    default:
      return {2, 1};
  }
}

void write_digit(const UnitType& type, int64_t digit, float* at) {
  switch (type.kind) {
    case UnitKind::kSpin:
      *at = digit == 0 ? -1.0f : 1.0f;
      return;
    case UnitKind::kCategorical:
      at[digit] = 1.0f;
      return;
    default:
      *at = static_cast<float>(digit);
  }
}

// States number first ... first + rows - 1 of a layer, unit 0 the fastest digit; on the host.
Tensor states_from_number(const UnitType& type, int64_t columns, int64_t first, int64_t rows) {
  const Digit digit = digit_of(type);
  Tensor out = Tensor::zeros(rows, columns);
  for (int64_t r = 0; r < rows; ++r) {
    int64_t number = first + r;
    for (int64_t c = 0; c < columns; c += digit.columns, number /= digit.values)
      write_digit(type, number % digit.values, out.row(r) + c);
  }
  return out;
}

template <class Body>
void for_chunks(int64_t total, const Body& body) {
  for (int64_t first = 0; first < total; first += kRows) {
    body(first, std::min(kRows, total - first));
    poll_interrupt();
  }
}

double log_add(double x, double y) {
  const double top = std::max(x, y);
  return top + std::log(std::exp(x - top) + std::exp(y - top));
}

}  // namespace

double states_of(const UnitType& type, int64_t columns) {
  const Digit digit = digit_of(type);
  if (digit.values == 0) return std::numeric_limits<double>::infinity();
  return std::pow(static_cast<double>(digit.values), static_cast<double>(columns / digit.columns));
}

bool UnitRbm::enumerable(double most) const {
  return std::min(states_of(visible_.type, visible_size()),
                  states_of(hidden_.type, hidden_size())) <= most;
}

Side UnitRbm::enumerated_side(const char* op) const {
  require(enumerable(kMostStates), op, [&] {
    return "a layer must have at most " + std::to_string(static_cast<int64_t>(kMostStates)) +
           " states, got more in both: use ais";
  });
  return states_of(visible_.type, visible_size()) < states_of(hidden_.type, hidden_size())
             ? Side::kVisible
             : Side::kHidden;
}

// All states of one layer with the logarithms of their unnormalised probabilities.
struct UnitRbm::Enumerated {
  const UnitRbm& rbm;
  Side side;
  int64_t total;

  Enumerated(const UnitRbm& model, const char* op)
      : rbm(model),
        side(model.enumerated_side(op)),
        total(static_cast<int64_t>(states_of(model.type(side), model.size(side)) + 0.5)) {}

  Tensor states(int64_t first, int64_t rows) const {
    return states_from_number(rbm.type(side), rbm.size(side), first, rows);
  }
  Tensor placed(const Tensor& x) const { return x.to(rbm.context().backend().memory); }

  double log_sum(double beta) const {
    double sum = -std::numeric_limits<double>::infinity();
    for_chunks(total, [&](int64_t first, int64_t rows) {
      for (double x : rbm.log_marginal(side, placed(states(first, rows)), beta))
        sum = log_add(sum, x);
    });
    return sum;
  }
};

double UnitRbm::log_partition(double beta) const {
  return Enumerated(*this, "RBM.log_partition").log_sum(beta);
}

UnitMoments UnitRbm::sampled_moments(const Tensor& v, const Tensor& h) const {
  UnitMoments out{ops::zeros(ctx_, visible_size(), hidden_size()),
                  ops::zeros(ctx_, 1, visible_size()), ops::zeros(ctx_, 1, hidden_size()),
                  ops::zeros(ctx_, 1, visible_size()), ops::zeros(ctx_, 1, visible_size())};
  const float share = 1.0f / static_cast<float>(v.rows());
  ops::matmul(ctx_, v, true, h, false, share, 0.0f, out.products);
  ops::column_sums(ctx_, States(v), share, false, out.visible);
  ops::column_sums(ctx_, States(h), share, false, out.hidden);
  if (!gaussian(Side::kVisible)) return out;
  ops::column_dots(ctx_, v, v, out.squares);
  ops::column_dots(ctx_, v, product(Side::kVisible, h), out.inputs);
  ops::linear(ctx_, {share, &out.squares}, out.squares);
  ops::linear(ctx_, {share, &out.inputs}, out.inputs);
  return out;
}

UnitMoments UnitRbm::exact_moments() const {
  const Enumerated all(*this, "RBM.exact_moments");
  const double log_z = all.log_sum(1.0);
  const bool by_visible = all.side == Side::kVisible;
  UnitMoments out{ops::zeros(ctx_, visible_size(), hidden_size()),
                  ops::zeros(ctx_, 1, visible_size()), ops::zeros(ctx_, 1, hidden_size()),
                  ops::zeros(ctx_, 1, visible_size()), ops::zeros(ctx_, 1, visible_size())};
  Tensor &own = by_visible ? out.visible : out.hidden, &far = by_visible ? out.hidden : out.visible;
  for_chunks(all.total, [&](int64_t first, int64_t rows) {
    const Tensor host = all.states(first, rows), x = all.placed(host);
    const std::vector<double> log_p = log_marginal(all.side, x, 1.0);
    Tensor weighted = host.clone(), share = Tensor::zeros(rows, 1);
    for (int64_t r = 0; r < rows; ++r) {
      share.row(r)[0] = static_cast<float>(std::exp(log_p[r] - log_z));
      for (int64_t c = 0; c < host.cols(); ++c) weighted.row(r)[c] *= share.row(r)[0];
    }
    const Tensor px = all.placed(weighted), p = all.placed(share);
    const Tensor y = exact_mean(other(all.side), x);
    ops::matmul(ctx_, by_visible ? px : y, true, by_visible ? y : px, false, 1.0f, 1.0f,
                out.products);
    ops::column_sums(ctx_, States(px), 1.0f, true, own);
    ops::matmul(ctx_, p, true, y, false, 1.0f, 1.0f, far);
    if (!gaussian(Side::kVisible)) return;
    Tensor inputs = ops::zeros(ctx_, 1, visible_size());
    ops::column_dots(ctx_, y, product(Side::kVisible, px), inputs);
    ops::linear(ctx_, {1.0, &out.inputs, 1.0, &inputs}, out.inputs);
  });
  if (gaussian(Side::kVisible)) set_squares(out);
  return out;
}

// E[v_i^2] = a_i E[v_i] + s_i (E[v_i (W~ h)_i] + T0), for E[v_i | h] = a_i + s_i (W~ h)_i.
void UnitRbm::set_squares(UnitMoments& m) const {
  Tensor out = Tensor::zeros(1, visible_size());
  Memory& host = host_memory();
  const Tensor a = bias(Side::kVisible).to(host), s = variance(Side::kVisible).to(host);
  const Tensor v = m.visible.to(host), inputs = m.inputs.to(host);
  for (int64_t i = 0; i < out.cols(); ++i)
    out.data()[i] = static_cast<float>(double{a.data()[i]} * v.data()[i] +
                                       s.data()[i] * (inputs.data()[i] + temperature_));
  m.squares = out.to(ctx_.backend().memory);
}

Tensor UnitRbm::exact_samples(int64_t n) {
  const Enumerated all(*this, "RBM.exact_samples");
  std::vector<double> cumulated;
  for_chunks(all.total, [&](int64_t first, int64_t rows) {
    const std::vector<double> log_p =
        log_marginal(all.side, all.placed(all.states(first, rows)), 1.0);
    cumulated.insert(cumulated.end(), log_p.begin(), log_p.end());
  });
  const double top = *std::max_element(cumulated.begin(), cumulated.end());
  double sum = 0.0;
  for (double& x : cumulated) x = sum += std::exp(x - top);
  const Draw draw = ctx_.next_draw(Layer::kUser);
  Tensor drawn = Tensor::zeros(n, size(all.side));
  for (int64_t r = 0; r < n; ++r) {
    const PhiloxWords words = philox(static_cast<uint64_t>(r), draw.stream, draw.seed);
    const uint64_t bits = (static_cast<uint64_t>(words.w[0]) << 32 | words.w[1]) >> 11;
    const double at = static_cast<double>(bits) * 0x1p-53 * sum;
    const auto found = std::upper_bound(cumulated.begin(), cumulated.end() - 1, at);
    const Tensor state = all.states(found - cumulated.begin(), 1);
    std::copy_n(state.data(), state.cols(), drawn.row(r));
  }
  const Tensor x = all.placed(drawn);
  return all.side == Side::kVisible ? x : half_step(Side::kVisible, x, 1.0, false, true).sample;
}

}  // namespace gibbslab
