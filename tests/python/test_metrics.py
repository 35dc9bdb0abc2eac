"""Metrics: how results are put together, what is refused, warnings, progress, Ctrl-C."""

from __future__ import annotations

import math
import os
import pickle
import re
import signal
import threading
import time
import types
import warnings

import numpy as np
import pytest
from gibbslab import metrics
from gibbslab.metrics import AISBounds, AISDisagreementWarning, AISResult
from gibbslab.metrics._ais_result import WeightSummary
from gibbslab.metrics._ais_setup import gibbs_samples, schedule
from reference import states
from sklearn.exceptions import NotFittedError
from small_rbms import random_rbm

FAST = {"n_chains": 20, "n_temperatures": 30}


@pytest.mark.parametrize("shift", [0.0, 5000.0, -5000.0])
def test_weight_summary_is_the_delta_method(shift):
    """Far beyond what exp can hold."""
    small = np.random.default_rng(0).normal(0, 0.5, 200)
    got = WeightSummary.of(small + shift)
    w = np.exp(small)
    error = w.std(ddof=1) / np.sqrt(200)
    assert got.log_mean == pytest.approx(shift + np.log(w.mean()), rel=1e-12)
    assert got.standard_error == pytest.approx(error / w.mean(), rel=1e-9)
    ends = shift + np.log([w.mean() - 3 * error, w.mean() + 3 * error])
    assert got.interval == pytest.approx(tuple(ends), rel=1e-9)
    assert got.effective_sample_size == pytest.approx(w.sum() ** 2 / (w**2).sum(), rel=1e-9)


def test_weight_summary_of_one_dominating_weight_is_unbounded_below():
    got = WeightSummary.of(np.array([0.0, -50.0, -50.0, -50.0]))
    assert got.interval[0] == -math.inf
    assert math.isfinite(got.interval[1])
    assert got.effective_sample_size == pytest.approx(1.0)


def test_weight_summary_of_equal_weights_and_of_one():
    equal = WeightSummary.of(np.full(7, 3.0))
    assert (equal.log_mean, equal.standard_error) == (3.0, 0.0)
    assert equal.interval == (3.0, 3.0)
    assert equal.effective_sample_size == 7.0
    one = WeightSummary.of(np.array([3.0]))
    assert one.log_mean == 3.0
    assert math.isnan(one.standard_error)
    assert one.interval == (-math.inf, math.inf)


def test_results_in_reverse_change_sign():
    weights = np.log([1.0, 2.0, 3.0])
    forward, reverse = (
        AISResult.of(weights, 10.0, np.array([0.0, 1.0]), r, random_rbm(2, 2, 0))
        for r in (False, True)
    )
    assert forward.log_z == pytest.approx(10 + np.log(2))
    assert reverse.log_z == pytest.approx(10 - np.log(2))
    assert reverse.log_z_interval == pytest.approx(
        tuple(20 - end for end in forward.log_z_interval[::-1])
    )
    assert reverse.standard_error == forward.standard_error
    assert reverse.n_chains == 3


def test_log_likelihood_carries_the_interval_of_log_z():
    model = random_rbm(6, 4, seed=1)
    result = metrics.ais(model, random_state=0, **FAST)
    v = states(6)[:20]
    got = result.log_likelihood(v)
    expected = -model.free_energy(v) - result.log_z
    np.testing.assert_allclose(got.per_sample, expected, rtol=1e-12)
    assert got.mean == pytest.approx(expected.mean())
    low, high = result.log_z_interval
    assert got.interval == pytest.approx(
        (got.mean + result.log_z - high, got.mean - low + result.log_z)
    )
    assert got.interval[0] < got.mean < got.interval[1]


def test_log_likelihood_is_that_of_the_model_when_it_was_measured():
    model = random_rbm(6, 4, seed=1)
    result = metrics.ais(model, random_state=0, beta=0.5, **FAST)
    v = states(6)
    before = result.log_likelihood(v).per_sample
    np.testing.assert_allclose(before, -model.free_energy(v, beta=0.5) - result.log_z, rtol=1e-6)
    model.W = np.zeros((6, 4))
    np.testing.assert_array_equal(result.log_likelihood(v).per_sample, before)


def test_results_can_be_pickled():
    bounds = metrics.ais_bounds(random_rbm(6, 4, seed=1, spread=0.1), random_state=0, **FAST)
    twin = pickle.loads(pickle.dumps(bounds))
    assert twin.forward.log_z == bounds.forward.log_z
    assert twin.gap == bounds.gap
    np.testing.assert_array_equal(
        twin.log_likelihood(states(6)).per_sample, bounds.log_likelihood(states(6)).per_sample
    )


def test_bounds_of_a_model_that_mixes_agree_without_a_warning():
    model = random_rbm(9, 7, seed=2, spread=0.4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bounds = metrics.ais_bounds(model, random_state=1)
    assert bounds.agree
    low, high = bounds.log_z_interval
    assert low < model.log_partition() < high
    assert low <= min(bounds.forward.log_z, bounds.reverse.log_z)
    assert bounds.gap == bounds.reverse.log_z - bounds.forward.log_z
    assert bounds.log_z == pytest.approx(bounds.forward.log_z + bounds.gap / 2)
    assert not bounds.forward.reverse
    assert bounds.reverse.reverse
    v = states(9)
    likelihood = bounds.log_likelihood(v)
    exact = model.log_likelihood(v).mean()
    assert likelihood.interval[0] < exact < likelihood.interval[1]


def test_bounds_that_disagree_warn():
    """One temperature step cannot cross to a strongly coupled model: log Z is missed by far."""
    model = random_rbm(14, 14, seed=3, spread=3.0)
    with pytest.warns(AISDisagreementWarning, match=r"^\[ais_bounds\] forward and reverse") as seen:
        bounds = metrics.ais_bounds(model, random_state=1, n_temperatures=3, n_chains=200)
    assert not bounds.agree
    assert bounds.gap > 1.0
    assert f"{bounds.forward.log_z:.6g}" in str(seen[0].message)
    assert seen[0].filename == __file__


def test_bounds_with_an_unbounded_interval_do_not_agree():
    model = random_rbm(2, 2, 0)
    betas = np.array([0.0, 1.0])
    fine = AISResult.of(np.array([1.0, 1.1]), 0.0, betas, False, model)
    vague = AISResult.of(np.array([0.0, -50.0, -50.0]), 0.0, betas, True, model)
    assert AISBounds(fine, AISResult.of(np.array([-1.0, -1.1]), 0.0, betas, True, model)).agree
    assert not AISBounds(fine, vague).agree


def test_bounds_run_the_two_directions_with_different_seeds():
    bounds = metrics.ais_bounds(random_rbm(8, 8, seed=0, spread=0.1), random_state=4, **FAST)
    assert (bounds.forward.log_weights != -bounds.reverse.log_weights).all()
    again = metrics.ais_bounds(random_rbm(8, 8, seed=0, spread=0.1), random_state=4, **FAST)
    assert bounds.gap == again.gap


def test_schedules():
    for n in (2, 3, 10, 1000):
        betas = schedule(n, None, "ais")
        assert len(betas) == n
        assert (betas[0], betas[-1]) == (0.0, 1.0)
        assert (np.diff(betas) > 0).all()
    betas = schedule(1001, None, "ais")
    assert (betas[200], betas[600]) == pytest.approx((0.5, 0.9))
    given = [0, 0.25, 1]
    np.testing.assert_array_equal(schedule(1000, given, "ais"), given)
    result = metrics.ais(random_rbm(3, 2, 0), betas=given, n_chains=5)
    np.testing.assert_array_equal(result.betas, given)


def test_gibbs_samples_start_from_rows_of_the_data():
    """With weights that copy, the chains end as a reordering of the data."""
    model = random_rbm(4, 4, 0)
    model.W, model.v_bias, model.h_bias = 200 * np.eye(4), np.full(4, -100), np.full(4, -100)
    data = np.eye(4, dtype=np.float32)
    ends = gibbs_samples(model, data, 8, burn_in=5, seed=3)
    np.testing.assert_array_equal(ends.sum(axis=0), [2, 2, 2, 2])
    assert gibbs_samples(model, None, 3, burn_in=5, seed=3).shape == (3, 4)


def test_number_of_chains_is_100_or_that_of_the_start():
    model = random_rbm(5, 3, 0)
    assert metrics.ais(model, n_temperatures=3).n_chains == 100
    assert metrics.ais(model, n_temperatures=3, n_chains=1).n_chains == 1
    start = states(5)
    assert metrics.ais(model, n_temperatures=3, reverse=True, start=start).n_chains == 32
    assert model.ais(n_temperatures=3, n_chains=7).n_chains == 7


def test_free_energy_gap_is_the_difference_of_mean_log_likelihoods():
    model = random_rbm(6, 4, seed=1)
    train, valid = states(6)[:30], states(6)[40:]
    gap = metrics.free_energy_gap(model, train, valid)
    expected = model.log_likelihood(train).mean() - model.log_likelihood(valid).mean()
    assert gap == pytest.approx(expected)
    assert isinstance(gap, float)
    assert metrics.free_energy_gap(model, train, train) == 0.0
    assert metrics.free_energy_gap(model, train, valid, beta=0.0) == pytest.approx(0.0, abs=1e-12)


def test_reconstruction_error_is_that_of_the_model():
    model, twin = (random_rbm(6, 4, seed=1) for _ in range(2))
    v = states(6)
    got = metrics.reconstruction_error(model, v, k=2)
    np.testing.assert_array_equal(got, twin.reconstruction_error(v, k=2))


def test_estimators_stand_for_their_model():
    model = random_rbm(6, 4, seed=1)
    estimator = types.SimpleNamespace(model_=model)
    by_model = metrics.ais(model, random_state=0, **FAST).log_z
    assert metrics.ais(estimator, random_state=0, **FAST).log_z == by_model
    unfitted = types.SimpleNamespace(fit=lambda X: None)
    with pytest.raises(NotFittedError, match=r"\[ais\] model must be fitted first"):
        metrics.ais(unfitted)
    with pytest.raises(TypeError, match=r"\[free_energy_gap\] model must be an RBM, got str"):
        metrics.free_energy_gap("model", [[0]], [[0]])


@pytest.mark.parametrize("reverse", [False, True])
def test_progress_bar_does_not_change_the_result(reverse, capsys):
    model = random_rbm(6, 4, seed=1)
    options = {"n_chains": 5, "n_temperatures": 1234, "random_state": 0, "reverse": reverse}
    silent = metrics.ais(model, **options)
    assert capsys.readouterr() == ("", "")
    shown = metrics.ais(model, progress=True, **options)
    np.testing.assert_array_equal(shown.log_weights, silent.log_weights)
    told = capsys.readouterr()
    assert told.out == ""
    assert ("reverse AIS" if reverse else "AIS") in told.err
    assert "1233/1233" in told.err


@pytest.mark.parametrize("progress", [False, True])
def test_ctrl_c_stops_within_half_a_second_and_leaves_the_model(progress):
    model = random_rbm(200, 100, seed=1, spread=0.05)
    before, draws, sent = model.W, model.draws, []

    def interrupt() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.3, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        metrics.ais(model, n_chains=500, n_temperatures=10**6, progress=progress)
    late = time.monotonic() - sent[0]
    timer.join()
    assert late < 0.5
    np.testing.assert_array_equal(model.W, before)
    assert model.draws == draws
    assert metrics.ais(model, **FAST).n_chains == 20


ONE = np.zeros((2, 6))
BAD_CALLS = [
    (lambda m: metrics.ais(m, n_chains=0), ValueError, "[ais] n_chains must be at least 1, got 0"),
    (lambda m: metrics.ais(m, n_chains=2.5), TypeError, "[ais] n_chains must be an integer, got"),
    (
        lambda m: metrics.ais(m, n_temperatures=1),
        ValueError,
        "[ais] n_temperatures must be at",
    ),
    (
        lambda m: metrics.ais(m, betas=[0, 0.5]),
        ValueError,
        "[ais] betas must rise from 0 to 1",
    ),
    (
        lambda m: metrics.ais(m, betas=[0, 0.9, 0.5, 1]),
        ValueError,
        "[ais] betas must rise",
    ),
    (
        lambda m: metrics.ais(m, betas=[0, np.nan, 1]),
        ValueError,
        "[ais] betas must rise from 0 to 1",
    ),
    (lambda m: metrics.ais(m, betas=[1]), ValueError, "[ais] betas must rise from 0 to 1"),
    (lambda m: metrics.ais(m, betas=0.5), ValueError, "[ais] betas must rise from 0 to 1"),
    (lambda m: metrics.ais(m, betas=["a", "b"]), TypeError, "[ais] betas must hold real numbers"),
    (lambda m: metrics.ais(m, base="mean"), ValueError, "[ais] base must be 'data', 'zeros' or an"),
    (lambda m: metrics.ais(m, base="data"), ValueError, "[ais] X must be given with base='data'"),
    (
        lambda m: metrics.ais(m, base=np.zeros(5)),
        ValueError,
        "[ais] base must have shape (6,), ",
    ),
    (lambda m: metrics.ais(m, start=ONE), ValueError, "[ais] reverse must be True with start, got"),
    (
        lambda m: metrics.ais(m, reverse=True, start=ONE + 0.5),
        ValueError,
        "[ais] start must hold only 0 and 1",
    ),
    (
        lambda m: metrics.ais(m, reverse=True, start=ONE, n_chains=3),
        ValueError,
        "[ais] start must have n_chains=3 rows, got 2",
    ),
    (lambda m: metrics.ais(m, burn_in=0), ValueError, "[ais] burn_in must be at least 1, got 0"),
    (lambda m: metrics.ais(m, beta=-1), ValueError, "[ais] beta must be finite and at least 0"),
    (
        lambda m: metrics.ais(m, random_state="x"),
        TypeError,
        "[ais] random_state must be None, an",
    ),
    (lambda m: metrics.ais_bounds(m, reverse=True), TypeError, "[ais_bounds] reverse must not be"),
    (lambda m: metrics.ais_bounds("m"), TypeError, "[ais_bounds] model must be an RBM, got str"),
    (
        lambda m: metrics.ais(m, random_state=0, **FAST).log_likelihood(ONE + 0.5),
        ValueError,
        "[RBM.log_likelihood] v must hold only 0 and 1",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), BAD_CALLS, ids=[c[2][:60] for c in BAD_CALLS])
def test_bad_calls(call, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        call(random_rbm(6, 4, seed=0))
