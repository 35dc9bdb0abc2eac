"""Gibbs chains of the step-level RBM, from anywhere, free or with units held."""

from __future__ import annotations

import numpy as np
import pytest
from gibbslab.models import RBM
from reference import index_of, states
from small_rbms import enumerated, random_rbm
from thresholds import assert_distribution, assert_means

CHAINS = 2**17


def counts(v: np.ndarray) -> np.ndarray:
    return np.bincount(index_of(v), minlength=2 ** v.shape[1])


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("beta", [0.0, 0.6, 1.0])
def test_gibbs_makes_k_sweeps_at_beta(k, beta):
    """2^17 chains from one state: sees a total variation of about 0.01."""
    model = random_rbm(4, 3, seed=1)
    table = enumerated(model, beta)
    v = model.gibbs(np.tile(table.v[9], (CHAINS, 1)), k, beta=beta)
    expected = np.linalg.matrix_power(table.sweep_v, k)[9]
    assert_distribution(counts(v), expected, "v")


@pytest.mark.parametrize("start", ["random", "data", "hidden"])
def test_sample_forgets_its_start_and_follows_the_model(start):
    model = random_rbm(4, 4, seed=2, spread=0.7)  # square: W and its transpose are both possible
    table = enumerated(model)
    begin = {"random": {}, "data": {"start": table.v}, "hidden": {"start_hidden": table.h}}[start]
    v_prob, v = model.sample(CHAINS, 40, **begin)
    assert_distribution(counts(v), table.p_v, "v")
    assert_means(v - v_prob, np.zeros(4), "state minus probability")


def test_random_start_is_fair_coins():
    """One sweep later a chain is where one from fair coins is."""
    model = random_rbm(4, 3, seed=3, spread=2.0)
    table = enumerated(model)
    _, v = model.sample(CHAINS, 1)
    expected = np.full(16, 1 / 16) @ table.sweep_v
    assert_distribution(counts(v), expected, "v")


def test_sample_from_hidden_states_is_down_up_down():
    model = random_rbm(4, 3, seed=4)
    table = enumerated(model)
    _, v = model.sample(CHAINS, 2, start_hidden=table.h[5])
    expected = table.v_given_h[5] @ table.sweep_v
    assert_distribution(counts(v), expected, "v")


def test_sample_temperature():
    model = random_rbm(4, 3, seed=5)
    _, v = model.sample(CHAINS, 40, beta=0.5)
    assert_distribution(counts(v), enumerated(model, 0.5).p_v, "v")


def test_number_of_chains():
    model = random_rbm(5, 3, seed=6)
    assert model.sample(n_steps=1)[1].shape == (1, 5)
    assert model.sample(7, 1)[1].shape == (7, 5)
    assert model.sample(n_steps=1, start=states(5))[1].shape == (32, 5)
    assert model.sample(3, 1, start=states(5))[1].shape == (3, 5)


def test_more_chains_than_rows_go_round_the_rows():
    """With weights that copy, every chain shows the row it started from."""
    model = RBM(4, 4)
    model.W, model.v_bias, model.h_bias = 200 * np.eye(4), np.full(4, -100), np.full(4, -100)
    rows = states(4)[[1, 2, 4]]
    _, v = model.sample(7, 5, start=rows)
    np.testing.assert_array_equal(v, rows[[0, 1, 2, 0, 1, 2, 0]])


def test_calls_move_on_in_the_random_stream():
    model = random_rbm(20, 20, seed=7, spread=0.1)
    x = np.zeros((5, 20))
    first, second = model.gibbs(x), model.gibbs(x)
    assert (first != second).any()
    assert (model.sample(5, 3)[1] != model.sample(5, 3)[1]).any()


MASKS = {
    "all": np.ones(4, bool),
    "none": np.zeros(4, bool),
    "some": np.array([True, False, False, True]),
}


@pytest.mark.parametrize("mask", MASKS)
def test_inpainting_follows_the_conditional_distribution(mask):
    model = random_rbm(4, 3, seed=8, spread=0.7)
    known = MASKS[mask]
    given = states(4)[11]
    _, v = model.inpaint(np.tile(given, (CHAINS, 1)), known, 40)
    expected = enumerated(model).conditional(known, given)
    if mask == "all":
        np.testing.assert_array_equal(v, np.tile(given, (CHAINS, 1)))
    else:
        assert_distribution(counts(v), expected, "v")


def test_inpainting_holds_known_units_at_every_sweep():
    """Two sweeps from fair coins, against the transition matrix of the clamped sweep."""
    model = random_rbm(4, 3, seed=9)
    table = enumerated(model)
    known, given = np.array([0, 1, 1, 0]), states(4)[6]
    _, v = model.inpaint(np.tile(given, (CHAINS, 1)), known, 2)
    start = np.zeros(16)
    start[index_of(np.where(known, given, states(4)))] += 1 / 4
    sweep = table.clamped_sweep(known, given)
    expected = start / start.sum() @ sweep @ sweep
    assert_distribution(counts(v), expected, "v")


def test_inpainting_does_not_see_the_unknown_units():
    model, twin = (random_rbm(30, 10, seed=10) for _ in range(2))
    known = np.arange(30) < 12
    x = np.random.default_rng(0).random((8, 30)).astype(np.float32)
    other = np.where(known, x, 1 - x)
    for one, two in zip(model.inpaint(x, known, 3), twin.inpaint(other, known, 3)):
        np.testing.assert_array_equal(one, two)


def test_inpainting_returns_known_units_exactly_as_given():
    """Grey ones too, with a mask of its own for every sample."""
    model = random_rbm(30, 10, seed=11)
    rng = np.random.default_rng(1)
    x, known = rng.random((50, 30)).astype(np.float32), rng.random((50, 30)) < 0.5
    v_prob, v = model.inpaint(x, known, 4)
    np.testing.assert_array_equal(v_prob[known], x[known])
    np.testing.assert_array_equal(v[known], x[known])
    assert np.isin(v[~known], (0, 1)).all()
    assert ((v_prob[~known] > 0) & (v_prob[~known] < 1)).all()


def test_grey_known_units_enter_as_they_are():
    """Known units at 0.5 give the hidden units half of their weights."""
    model = RBM(2, 1, random_state=0)
    model.W, model.v_bias, model.h_bias = [[8.0], [3.0]], [0, 0], [-4.0]
    x = np.tile([0.5, 0.0], (CHAINS, 1))
    _, v = model.inpaint(x, [True, False], 1)
    h = 0.5 * (0.5 + 1 / (1 + np.exp(-3.0)))  # the unknown unit starts as a fair coin
    expected = (1 - h) * 0.5 + h / (1 + np.exp(-3.0))
    assert_means(v[:, 1:], np.array([expected]), "unknown unit")


def test_clamped_gibbs_with_values_of_its_own():
    model = random_rbm(5, 3, seed=12)
    x, mask = states(5), np.array([1, 0, 0, 1, 0], bool)
    v = model.gibbs(x, 3, mask=mask)
    np.testing.assert_array_equal(v[:, mask], x[:, mask])
    v = model.gibbs(x, 3, mask=mask, known=np.ones(5))
    assert (v[:, mask] == 1).all()
    v = model.gibbs(x, 3, mask=np.tile(mask, (32, 1)), known=1 - x)
    np.testing.assert_array_equal(v[:, mask], 1 - x[:, mask])


def test_clamped_units_are_known_from_the_start():
    """The first hidden states see the known values, not what the start holds in their place."""
    a, b = (random_rbm(5, 3, seed=12) for _ in range(2))
    x, mask = states(5), np.array([1, 0, 0, 1, 0], bool)
    hidden_there = np.where(mask, 1 - x, x)
    v = a.gibbs(hidden_there, 1, mask=mask, known=x)
    np.testing.assert_array_equal(v, b.gibbs(x, 1, mask=mask))


def test_reconstruction_error_is_the_mean_square_after_k_sweeps():
    model, twin = (random_rbm(6, 4, seed=13) for _ in range(2))
    x = np.random.default_rng(2).random((20, 6)).astype(np.float32)
    for k in (1, 3):
        v_prob, _ = twin.sample(n_steps=k, start=x)
        expected = np.square(x - v_prob).mean(axis=1)
        np.testing.assert_allclose(model.reconstruction_error(x, k=k), expected, rtol=1e-6)
    assert model.reconstruction_error(x).dtype == np.float64
