"""The estimator: what it learns, how it goes on, what it measures, what its attributes are."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from gibbslab import BernoulliRBM, metrics
from gibbslab.estimators import Linear, Steps
from thresholds import Z_LIMIT, assert_means
from training_cases import CASES, H, V, assert_same_training, binary, grey, make

# ---- what it learns -------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["pcd", "cd"])
@pytest.mark.parametrize("centered", [False, True])
def test_it_learns_a_distribution(method: str, centered: bool) -> None:
    """Bars and stripes on 3 x 3: the mean log-likelihood nears minus the entropy, log 14 = 2.64.

    Measured -2.76 to -3.14 over eight seeds each; a model without weights cannot pass -6.2.
    """
    bits = np.array(list(itertools.product([0, 1], repeat=3)))
    rows, columns = np.repeat(bits, 3, axis=1), np.tile(bits, (1, 3))
    X = np.unique(np.concatenate([rows, columns]), axis=0)
    assert len(X) == 14
    rbm = BernoulliRBM(
        12, method=method, k=5, centered=centered, learning_rate=0.1, batch_size=14,
        n_chains=50, n_iter=3000, random_state=0, n_threads=1,
    )  # fmt: skip
    likelihood = rbm.fit(X).log_likelihood(X).mean()
    assert -3.6 < likelihood <= -np.log(14) + 1e-9


def test_initial_weights_are_normal_with_deviation_one_hundredth() -> None:
    rbm = BernoulliRBM(300, n_iter=0, random_state=0).fit(np.zeros((2, 400)))
    W = rbm.components_
    assert_means(W.reshape(-1, 1), np.zeros(1), "mean")
    assert_means(W.reshape(-1, 1) ** 2, np.array([1e-4]), "variance")
    assert_means(W.reshape(-1, 1) ** 4, np.array([3e-8]), "fourth moment")
    assert not rbm.intercept_hidden_.any()
    assert not rbm.intercept_visible_.any()
    assert not rbm.h_samples_.any()


@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
def test_visible_biases_from_data(container: Any) -> None:
    X = np.zeros((8, 3))
    X[:2, 1], X[:, 2] = 1, 1
    rbm = BernoulliRBM(2, n_iter=0, init_visible_bias="data").fit(container(X))
    expected = np.log([0.1 / 0.9, 0.25 / 0.75, 0.9 / 0.1])
    np.testing.assert_allclose(rbm.intercept_visible_, expected, rtol=1e-6)


# ---- updates in closed form -----------------------------------------------------------------


def saturated(batch_size: int, hidden_bias: float = 0.0, **params: Any) -> BernoulliRBM:
    """A model whose negative phase is always v = 0, so that its updates have a closed form."""
    rbm = BernoulliRBM(1, batch_size=batch_size, shuffle=False, **params)
    rbm.set_params(n_iter=0).fit(np.zeros((2, 3)))
    rbm.components_ = np.zeros((1, 3))
    rbm.intercept_visible_, rbm.intercept_hidden_ = np.full(3, -200.0), [hidden_bias]
    return rbm.set_params(warm_start=True, n_iter=params.get("n_iter", 1))


def batch_means(X: np.ndarray, size: int) -> np.ndarray:
    return np.array([X[i : i + size].mean(axis=0) for i in range(0, len(X), size)])


RATE = 2**-10


@pytest.mark.parametrize("method", ["pcd", "cd"])
@pytest.mark.parametrize("n", [1, 3, 10, 13, 29])
def test_a_short_batch_is_divided_by_its_own_size(method: str, n: int) -> None:
    X = grey(rows=n)[:, :3]
    rbm = saturated(10, learning_rate=RATE, method=method).fit(X)
    expected = RATE * batch_means(X, 10).sum(axis=0)
    np.testing.assert_allclose(rbm.intercept_visible_ + 200, expected, rtol=0, atol=3e-5)
    np.testing.assert_allclose(rbm.components_[0], 0.5 * expected, rtol=1e-2)


@pytest.mark.parametrize("chunk", [1, 4, 7, 10, 25])
def test_a_chunk_of_any_size_is_unbiased(chunk: int) -> None:
    X = grey(rows=50)[:, :3]
    rbm = saturated(10, learning_rate=RATE)
    for first in range(0, 50, chunk):
        rbm.partial_fit(X[first : first + chunk])
    parts = [batch_means(X[i : i + chunk], 10) for i in range(0, 50, chunk)]
    expected = RATE * np.concatenate(parts).sum(axis=0)
    np.testing.assert_allclose(rbm.intercept_visible_ + 200, expected, rtol=0, atol=1e-3)
    np.testing.assert_allclose(rbm.components_[0], 0.5 * expected, rtol=2e-2)


def test_momentum_is_not_multiplied_by_the_learning_rate() -> None:
    """velocity' = m velocity + gradient, W' = W + rate velocity', with a rate that changes.

    With the rate inside the velocity the second step would be 14 times too large.
    """
    rates, m = (2**-4, 2**-10, 2**-8), 0.75
    rbm = saturated(1, hidden_bias=-300.0, momentum=m, learning_rate=Steps(rates, (1, 2)))
    X = np.ones((1, 3))
    velocity = total = 0.0
    for rate in rates:
        rbm.fit(X)
        velocity = m * velocity + 1.0
        total += rate * velocity
        np.testing.assert_allclose(rbm.intercept_visible_ + 200, total, rtol=0, atol=2e-5)
    assert not rbm.components_.any()


def test_momentum_zero_forgets_the_velocity() -> None:
    """1 + 1 + 1 steps; a velocity kept over the epoch without momentum would make it 3.5.

    The rate is so small that the hidden probability stays a half.
    """
    rbm = saturated(1, momentum=Steps((0.5, 0.0, 0.5), (1, 2)), learning_rate=RATE, n_iter=3)
    rbm.fit(np.ones((1, 3)))
    np.testing.assert_allclose(rbm.components_[0], 0.5 * 3 * RATE, rtol=1e-2)
    np.testing.assert_allclose(rbm.intercept_visible_ + 200, 3 * RATE, rtol=0, atol=3e-5)


def test_momentum_carries_over_from_chunk_to_chunk() -> None:
    whole = make("momentum schedule").partial_fit(grey())
    parts = make("momentum schedule")
    for first in range(0, len(grey()), 9):
        parts.partial_fit(grey()[first : first + 9])
    assert_same_training(whole, parts)


# ---- going on as if never stopped -----------------------------------------------------------


@pytest.mark.parametrize("data", [grey, binary])
@pytest.mark.parametrize("case", CASES)
def test_training_in_parts_is_training_in_one(case: str, data: Any) -> None:
    X = data()
    whole = make(case).fit(X)
    parts = make(case, n_iter=3, warm_start=True).fit(X)
    assert parts.n_epochs_ == 3
    parts.fit(X).set_params(n_iter=4).fit(X)
    assert_same_training(whole, parts)
    assert parts.n_epochs_ == len(parts.history_["epoch"]) == 10


@pytest.mark.parametrize("case", CASES)
def test_training_does_not_depend_on_the_threads(case: str) -> None:
    X = np.tile(grey(rows=300), (1, 5))
    runs = [make(case, n_iter=2, batch_size=150, n_threads=n).fit(X) for n in (1, 2, 5)]
    assert_same_training(runs[0], runs[1])
    assert_same_training(runs[0], runs[2])


def test_a_second_fit_starts_anew() -> None:
    rbm = make("everything").fit(grey())
    again = make("everything").fit(binary()).fit(grey())
    assert_same_training(rbm, again)


def test_measuring_and_other_models_leave_training_alone() -> None:
    quiet = make("plain").fit(grey())
    busy = make("plain", n_iter=5, warm_start=True).fit(grey())
    busy.score_samples(grey())
    busy.transform(grey())
    busy.free_energy(grey())
    make("plain").set_params(random_state=6).fit(grey())
    assert_same_training(quiet, busy.fit(grey()))


def test_warm_start_follows_changed_options() -> None:
    rbm = make("plain", n_iter=2, warm_start=True).fit(grey())
    chains = rbm.h_samples_
    rbm.set_params(n_chains=21, n_iter=0, momentum=0.5).fit(grey())
    np.testing.assert_array_equal(rbm.h_samples_, np.resize(chains, (21, H)))
    rbm.set_params(method="cd", n_iter=1).fit(grey())
    with pytest.raises(AttributeError, match="only with method='pcd'"):
        _ = rbm.h_samples_
    with pytest.raises(ValueError, match=r"n_components must stay 11 with warm_start, got 12"):
        rbm.set_params(n_components=12).fit(grey())


def test_seeds() -> None:
    same = make("plain", n_iter=1).fit(grey())
    assert_same_training(same, make("plain", n_iter=1).fit(grey()))
    for seed in (6, np.int64(6), np.random.RandomState(6), np.random.default_rng(6), None):
        other = make("plain", n_iter=1, random_state=seed).fit(grey())
        assert not np.array_equal(other.components_, same.components_)
    source = np.random.RandomState(6)
    runs = [make("plain", n_iter=1, random_state=source).fit(grey()) for _ in range(2)]
    assert not np.array_equal(runs[0].components_, runs[1].components_)


# ---- attributes -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_attributes(dtype: Any) -> None:
    rbm = make("plain", n_iter=1).fit(grey().astype(dtype))
    shapes = {"components_": (H, V), "intercept_hidden_": (H,), "intercept_visible_": (V,)}
    for name, shape in {**shapes, "h_samples_": (9, H)}.items():
        value = getattr(rbm, name)
        assert (value.shape, value.dtype) == (shape, dtype)
        with pytest.raises(ValueError, match="read-only"):
            value[0] = 0
    for name, shape in shapes.items():
        new = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        setattr(rbm, name, new)
        np.testing.assert_array_equal(getattr(rbm, name), new)
        with pytest.raises(ValueError, match=rf"^\[BernoulliRBM\] {name} must have shape"):
            setattr(rbm, name, np.zeros(3))
        with pytest.raises(ValueError, match=rf"^\[BernoulliRBM\] {name} must be finite"):
            setattr(rbm, name, np.full(shape, np.nan))
        np.testing.assert_array_equal(getattr(rbm, name), new)
    np.testing.assert_array_equal(rbm.model_.W, rbm.components_.T)
    expected = 1 / (1 + np.exp(-(grey() @ rbm.components_.T + rbm.intercept_hidden_)))
    np.testing.assert_allclose(rbm.transform(grey()), expected, rtol=1e-5)


def test_chains_can_be_assigned() -> None:
    rbm = make("plain", n_iter=1).fit(grey())
    ones = np.ones((9, H))
    rbm.h_samples_ = ones
    np.testing.assert_array_equal(rbm.h_samples_, ones)
    for wrong in (ones[:8], ones[:, 1:], 0.5 * ones):
        with pytest.raises(ValueError, match=r"\[BernoulliRBM.h_samples_\]"):
            rbm.h_samples_ = wrong


def test_nothing_is_there_before_fit() -> None:
    rbm = BernoulliRBM()
    for name in ("components_", "h_samples_", "history_", "n_epochs_", "model_"):
        assert not hasattr(rbm, name)


# ---- measures -------------------------------------------------------------------------------


def test_score_samples_is_an_unbiased_pseudo_likelihood() -> None:
    """Over 4000 seeds; sees a unit that is never or doubly chosen, and a factor V - 1."""
    rbm = make("plain", n_iter=5).fit(binary())
    X = binary(seed=1, rows=5)
    scores = []
    for seed in range(4000):
        rbm.random_state = seed
        scores.append(rbm.score_samples(X))
    assert_means(np.array(scores), rbm.pseudo_likelihood(X), "score_samples")
    # Each row's chosen units differ from the other rows'.
    assert np.abs(np.corrcoef(np.array(scores).T) - np.eye(5)).max() < Z_LIMIT / np.sqrt(4000)


def test_copies_of_a_row_choose_their_own_units() -> None:
    rbm = make("plain", n_iter=5).fit(binary())
    X = np.repeat(binary(seed=1, rows=1), 4000, axis=0)
    assert_means(rbm.score_samples(X)[:, np.newaxis], rbm.pseudo_likelihood(X[:1]), "copies")


@pytest.mark.parametrize("data", [grey, binary])
def test_a_score_depends_on_the_row_alone(data: Any) -> None:
    rbm = make("plain", n_iter=2).fit(data())
    X, order = data(seed=3), np.random.default_rng(0).permutation(len(data()))
    scores = rbm.score_samples(X)
    np.testing.assert_array_equal(rbm.score_samples(X), scores)
    np.testing.assert_array_equal(rbm.score_samples(X[order]), scores[order])
    np.testing.assert_array_equal(rbm.score_samples(X[:7]), scores[:7])
    np.testing.assert_array_equal(rbm.score_samples(np.where(X == 0, -0.0, X)), scores)
    assert rbm.score(X) == scores.mean()


def test_a_random_state_scores_differently_every_time() -> None:
    rbm = make("plain", n_iter=1, random_state=np.random.RandomState(0)).fit(grey())
    assert not np.array_equal(rbm.score_samples(grey()), rbm.score_samples(grey()))


def test_measures_are_the_models() -> None:
    rbm, X = make("plain", n_iter=2).fit(binary()), binary(seed=4)
    for method in ("free_energy", "log_likelihood", "pseudo_likelihood"):
        expected = getattr(rbm.model_, method)(X)
        np.testing.assert_array_equal(getattr(rbm, method)(X), expected)
        np.testing.assert_array_equal(getattr(rbm, method)(sp.csr_matrix(X)), expected)
    assert rbm.log_partition() == rbm.model_.log_partition()
    np.testing.assert_array_equal(
        rbm.log_likelihood(X, log_z=3.0), -rbm.model_.free_energy(X) - 3.0
    )
    estimate = rbm.ais(X, n_chains=200, n_temperatures=200, random_state=0)
    assert abs(estimate.log_z - rbm.log_partition()) < Z_LIMIT * estimate.standard_error
    draws = rbm.model_.draws
    error = rbm.reconstruction_error(X, k=2)
    rbm.model_.draws = draws
    np.testing.assert_array_equal(error, rbm.model_.reconstruction_error(X, k=2))


def test_gibbs_draws_from_the_conditionals() -> None:
    """A one-sweep mean over 20,000 chains against the two layers' probabilities."""
    rbm = BernoulliRBM(2, n_iter=0, random_state=0).fit(np.zeros((1, 3)))
    rng = np.random.default_rng(0)
    W, b, a = rng.normal(0, 2, (2, 3)), rng.normal(size=2), rng.normal(size=3)
    rbm.components_, rbm.intercept_hidden_, rbm.intercept_visible_ = W, b, a
    v = np.array([1.0, 0.0, 1.0])
    h = np.array(list(itertools.product([0, 1], repeat=2)))
    up = 1 / (1 + np.exp(-(W @ v + b)))
    weights = np.prod(np.where(h, up, 1 - up), axis=1)
    down = 1 / (1 + np.exp(-(h @ W + a)))
    drawn = rbm.gibbs(np.tile(v, (20_000, 1)))
    assert drawn.dtype == bool
    assert_means(drawn.astype(float), weights @ down, "one sweep")
    assert not np.array_equal(drawn, rbm.gibbs(np.tile(v, (20_000, 1))))


# ---- history and validation -----------------------------------------------------------------


def test_history() -> None:
    rate, momentum = Linear(0.4, 0.1, 4), Steps((0.5, 0.75), (2,))
    rbm = make("plain", n_iter=5, learning_rate=rate, momentum=momentum)
    history = rbm.fit(binary(), validation_data=sp.csr_matrix(binary(seed=1))).history_
    assert history["epoch"] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(history["learning_rate"], [0.4, 0.3, 0.2, 0.1, 0.1])
    assert history["momentum"] == [0.5, 0.5, 0.75, 0.75, 0.75]
    assert min(history["time"]) > 0
    gap = metrics.free_energy_gap(rbm.model_, binary(), binary(seed=1))
    np.testing.assert_allclose(history["free_energy_gap"][-1], gap, rtol=1e-9)
    for prefix, X in (("", binary()), ("validation_", binary(seed=1))):
        v_prob = rbm.model_.visible_mean(rbm.model_.hidden_mean(X))
        error = history[f"{prefix}reconstruction_error"][-1]
        np.testing.assert_allclose(error, np.square(X - v_prob).mean(), rtol=1e-6)
        likelihood = history[f"{prefix}pseudo_likelihood"][-1]
        np.testing.assert_allclose(likelihood, rbm.pseudo_likelihood(X).mean(), rtol=1e-12)
    assert history["pseudo_likelihood"][-1] > history["pseudo_likelihood"][0]


@pytest.mark.parametrize("container", [np.asarray, sp.csr_matrix])
def test_validation_fraction_is_set_aside(container: Any) -> None:
    X = np.eye(40)
    rbm = BernoulliRBM(2, n_iter=1, validation_fraction=0.25, init_visible_bias="data")
    rbm.set_params(random_state=0, learning_rate=1e-9).fit(container(X))
    # The biases were set from the training rows alone, so they tell which rows these are.
    seen = rbm.intercept_visible_ > rbm.intercept_visible_.min() + 1e-3
    assert seen.sum() == 30 or (~seen).sum() == 30
    assert "free_energy_gap" in rbm.history_


def test_missing_validation_leaves_nan() -> None:
    rbm = make("plain", n_iter=1, warm_start=True).fit(grey())
    rbm.fit(grey(), validation_data=grey(seed=1))
    gap = rbm.history_["free_energy_gap"]
    assert np.isnan(gap[0])
    assert np.isfinite(gap[1])
