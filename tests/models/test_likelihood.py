"""Partition functions, likelihoods and energies against enumeration in float64 NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from gibbslab.models import RBM
from on_device import core, sized
from reference import softplus, states
from scipy.special import logsumexp
from sklearn.neural_network import BernoulliRBM
from small_rbms import SHAPES, enumerated, random_rbm
from thresholds import assert_means

BETAS = [0.0, 0.3, 1.0, 2.5]


def log_z_by_smaller_layer(model: RBM, beta: float) -> float:
    """sum over the smaller layer's states, in plain order; for layers too long for a joint table.

    An independent second method: no Gray code, no blocks, no running sum.
    """
    w, a, b = (beta * x.astype(np.float64) for x in (model.W, model.v_bias, model.h_bias))
    if len(a) > len(b):
        w, a, b = w.T, b, a
    small = states(len(a))
    return float(logsumexp(small @ a + softplus(small @ w + b).sum(axis=1)))


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("shape", SHAPES)
def test_log_partition_equals_the_sum_over_all_pairs_of_states(shape, beta):
    model = random_rbm(*shape, seed=sum(shape))
    expected = enumerated(model, beta).log_z
    assert model.log_partition(beta=beta) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("spread", [0.01, 1.0, 20.0])
@pytest.mark.parametrize("shape", [(2, 300), (300, 2), (13, 33), (33, 13), (17, 257), (257, 17)])
def test_log_partition_of_long_layers(shape, spread):
    model = random_rbm(*(sized(n, 11 if n == 17 else n) for n in shape), shape[0], spread)
    expected = log_z_by_smaller_layer(model, 1.0)
    assert model.log_partition() == pytest.approx(expected, rel=1e-9)


def test_log_partition_is_the_same_with_its_layers_exchanged():
    model = random_rbm(6, 18, seed=3)
    swapped = RBM(18, 6, device=core.device)
    swapped.W, swapped.v_bias, swapped.h_bias = model.W.T, model.h_bias, model.v_bias
    assert swapped.log_partition() == pytest.approx(model.log_partition(), rel=1e-12)


def test_log_partition_of_the_largest_layer_that_is_enumerated():
    """25 units without weights: log Z is a sum over independent units. Emulated, 17 of them."""
    units = sized(25, 17)
    model = RBM(units, units + 1, n_threads=2, device=core.device)
    model.W = np.zeros((units, units + 1))
    model.v_bias, model.h_bias = np.linspace(-3, 3, units), np.linspace(-1, 2, units + 1)
    expected = sum(softplus(x.astype(np.float64)).sum() for x in (model.v_bias, model.h_bias))
    assert model.log_partition() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("method", ["log_partition", "log_likelihood"])
def test_too_many_units_to_enumerate_name_the_limit_and_the_way_out(method):
    model = RBM(26, 27, device=core.device)
    call = model.log_partition if method == "log_partition" else None
    with pytest.raises(ValueError, match=r"at most 25 .*got 26.*ais"):
        call() if call else model.log_likelihood(np.zeros((1, 26)))


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("shape", SHAPES)
def test_free_energy_and_energy_of_every_state(shape, beta):
    model = random_rbm(*shape, seed=7)
    table = enumerated(model, beta)
    free = model.free_energy(table.v, beta=beta)
    np.testing.assert_allclose(free, table.free_energy, rtol=1e-12, atol=1e-12)
    pairs = slice(None, None, sized(1, 61))  # all; emulated, every 61st
    v = np.repeat(table.v, len(table.h), axis=0)[pairs]
    h = np.tile(table.h, (len(table.v), 1))[pairs]
    energy = model.energy(v, h, beta=beta)
    np.testing.assert_allclose(-energy, table.minus_energy.ravel()[pairs], rtol=1e-12, atol=1e-12)


def test_energies_of_grey_values_follow_the_formula():
    model = random_rbm(5, 4, seed=1)
    rng = np.random.default_rng(0)
    v, h = rng.random((20, 5)).astype(np.float32), rng.random((20, 4)).astype(np.float32)
    w, a, b = (x.astype(np.float64) for x in (model.W, model.v_bias, model.h_bias))
    wide, deep = v.astype(np.float64), h.astype(np.float64)
    expected = -((wide @ w) * deep).sum(1) - wide @ a - deep @ b
    np.testing.assert_allclose(model.energy(v, h), expected, rtol=1e-12)
    expected = -wide @ a - softplus(wide @ w + b).sum(1)
    np.testing.assert_allclose(model.free_energy(v), expected, rtol=1e-12)


@pytest.mark.parametrize("beta", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_likelihoods_of_all_states_are_right_and_sum_to_one(shape, beta):
    model = random_rbm(*shape, seed=11)
    table = enumerated(model, beta)
    log_p = model.log_likelihood(table.v, beta=beta)
    np.testing.assert_allclose(log_p, np.log(table.p_v), rtol=1e-9, atol=1e-11)
    assert np.exp(log_p).sum() == pytest.approx(1.0, abs=1e-10)


def test_log_likelihood_takes_an_estimate_of_log_z():
    model = random_rbm(6, 4, seed=2)
    v = states(6)
    expected = -model.free_energy(v) - 12.5
    np.testing.assert_array_equal(model.log_likelihood(v, log_z=12.5), expected)


@pytest.mark.parametrize("beta", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_exact_pseudo_likelihood_is_the_sum_of_log_conditionals(shape, beta):
    model = random_rbm(*shape, seed=5)
    table = enumerated(model, beta)
    some = slice(None, None, sized(1, 7))
    got = model.pseudo_likelihood(table.v[some], beta=beta)
    np.testing.assert_allclose(got, table.log_conditionals()[some], rtol=1e-9, atol=1e-11)


def test_stochastic_pseudo_likelihood_has_the_exact_one_as_its_expectation():
    """2^16 draws for each of 8 samples. Sees a bias of about 2 % of the spread over units."""
    model = random_rbm(9, 6, seed=8)
    v = states(9)[[0, 3, 77, 200, 311, 400, 500, 511]]
    draws = sized(2**16, 2**10)
    rows = np.repeat(v, draws, axis=0)
    got = model.pseudo_likelihood(rows, method="stochastic", random_state=1)
    assert_means(got.reshape(len(v), draws).T, model.pseudo_likelihood(v), "stochastic PL")


def test_stochastic_pseudo_likelihood_reads_every_unit_and_no_other():
    """Each draw is V times one unit's log-conditional, and all of them turn up."""
    model = random_rbm(5, 4, seed=9)
    table = enumerated(model)
    log_p, at = np.log(table.p_v), 19
    flips = [at ^ (1 << i) for i in range(5)]
    possible = np.sort([5 * (log_p[at] - np.logaddexp(log_p[at], log_p[f])) for f in flips])
    rows = np.tile(table.v[at], (500, 1))
    got = np.unique(model.pseudo_likelihood(rows, method="stochastic", random_state=3).round(9))
    np.testing.assert_allclose(got, possible, rtol=1e-7)


def test_stochastic_pseudo_likelihood_is_that_of_scikit_learn_draw_for_draw():
    model = random_rbm(12, 7, seed=4)
    peer = BernoulliRBM(n_components=7, random_state=5)
    peer.components_, peer.intercept_hidden_ = model.W.T.astype(float), model.h_bias.astype(float)
    peer.intercept_visible_, peer.n_features_in_ = model.v_bias.astype(float), 12
    peer._n_features_out = 7
    v = np.random.default_rng(6).integers(0, 2, (50, 12))
    got = model.pseudo_likelihood(v, method="stochastic", random_state=5)
    np.testing.assert_allclose(got, peer.score_samples(v), rtol=1e-9)


def test_extreme_parameters_stay_exact():
    """Logits of 1e4: no overflow, and the limit is known in closed form."""
    model = RBM(3, 2, device=core.device)
    model.W, model.v_bias, model.h_bias = np.full((3, 2), 1e4), np.zeros(3), np.zeros(2)
    assert model.log_partition() == pytest.approx(6e4, rel=1e-12)
    ones = np.ones((1, 3))
    assert model.free_energy(ones)[0] == pytest.approx(-6e4, rel=1e-12)
    assert model.log_likelihood(ones)[0] == pytest.approx(0.0, abs=1e-9)
    assert model.pseudo_likelihood(ones)[0] == pytest.approx(0.0, abs=1e-9)
