"""Energies, log Z, likelihoods, mean field and bounds of DBMs against enumeration."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from reference import states
from small_dbms import SIZES, enumerated, random_dbm

BETAS = [1.0, 0.4, 1.7]
TIGHT = {"max_iterations": 2000, "tolerance": 2e-7}


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("beta", BETAS)
def test_energy(sizes: tuple[int, ...], beta: float) -> None:
    model = random_dbm(sizes)
    exact = enumerated(model, beta)
    rng = np.random.default_rng(1)
    rows = [rng.integers(0, 2**n, 50) for n in sizes]
    got = model.energy([x[r] for x, r in zip(exact.x, rows)], beta=beta)
    np.testing.assert_allclose(got, -exact.minus_energy[tuple(rows)], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("beta", BETAS)
def test_log_partition_and_likelihood(sizes: tuple[int, ...], beta: float) -> None:
    model = random_dbm(sizes)
    exact = enumerated(model, beta)
    assert model.log_partition(beta=beta) == pytest.approx(exact.log_z, rel=1e-11, abs=1e-11)
    v = states(sizes[0])
    log_p = model.log_likelihood(v, beta=beta)
    np.testing.assert_allclose(log_p, exact.log_p_v, rtol=1e-6, atol=1e-6)
    assert np.exp(log_p).sum() == pytest.approx(1.0, abs=1e-6)
    shifted = model.log_likelihood(v, log_z=3.0, beta=beta)
    np.testing.assert_allclose(shifted, log_p + exact.log_z - 3.0, atol=1e-9)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_stacked_rbm_is_the_same_model(sizes: tuple[int, ...]) -> None:
    model = random_dbm(sizes)
    rbm, exact = model.stacked(), enumerated(model)
    assert (rbm.v_size, rbm.h_size) == (sum(sizes[::2]), sum(sizes[1::2]))
    even = exact.x[0]
    for x in exact.x[2::2]:
        even = np.hstack([np.repeat(even, len(x), axis=0), np.tile(x, (len(even), 1))])
    expected = np.log(exact.even_odd.sum(axis=1))
    np.testing.assert_allclose(rbm.log_likelihood(even), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("iterations", [1, 3])
def test_mean_field_iterations(sizes: tuple[int, ...], beta: float, iterations: int) -> None:
    model = random_dbm(sizes)
    v = states(sizes[0])
    field = model.infer(v, max_iterations=iterations, tolerance=0.0, beta=beta)
    assert (field.iterations, field.converged) == (iterations, False)
    twin = enumerated(model, beta)
    expected, before = (twin.mean_field(v, n)[1:] for n in (iterations, iterations - 1))
    for got, want in zip(field.means, expected):
        np.testing.assert_allclose(got, want, atol=2e-6)
    changes = np.max([abs(a - b).max(axis=1) for a, b in zip(expected, before)], axis=0)
    np.testing.assert_allclose(field.changes, changes, atol=4e-6)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("beta", BETAS)
def test_mean_field_solves_its_equations(sizes: tuple[int, ...], beta: float) -> None:
    model = random_dbm(sizes)
    v = states(sizes[0])
    field = model.infer(v, beta=beta, **TIGHT)
    assert field.converged
    assert field.iterations < TIGHT["max_iterations"]
    assert field.changes.max() < TIGHT["tolerance"]
    x, twin = [v, *field.means], enumerated(model, beta)
    for layer in range(1, len(sizes)):
        np.testing.assert_allclose(field.means[layer - 1], twin.layer_mean(x, layer), atol=2e-6)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("beta", BETAS)
def test_the_bound_is_below_the_likelihood_and_rises(sizes: tuple[int, ...], beta: float) -> None:
    model = random_dbm(sizes)
    twin, v = enumerated(model, beta), states(sizes[0])
    bounds = [
        model.log_likelihood_bound(v, beta=beta, max_iterations=n, tolerance=0.0)
        for n in (1, 2, 4, 200)
    ]
    assert (bounds[-1] <= twin.log_p_v + 1e-6).all()
    for earlier, later in pairwise(bounds):
        assert (later >= earlier - 1e-6).all()
    # Where mean field has converged, summing the odd layers out changes nothing.
    expected = twin.bound([v, *model.infer(v, beta=beta, **TIGHT).means])
    np.testing.assert_allclose(bounds[-1], expected, atol=2e-5)


def test_the_bound_is_exact_without_weights_above_the_first() -> None:
    """Then the posterior is factorial, and mean field finds it."""
    model = random_dbm((5, 4, 3))
    model.weights = [model.weights[0], np.zeros((4, 3))]
    v = states(5)
    bound = model.log_likelihood_bound(v, **TIGHT)
    np.testing.assert_allclose(bound, model.log_likelihood(v), atol=1e-5)


def test_grey_values_enter_the_mean_field_as_they_are() -> None:
    model = random_dbm((4, 3, 2))
    v = np.random.default_rng(3).random((7, 4)).astype(np.float32)
    got = model.infer(v, max_iterations=3, tolerance=0.0).means
    for mean, want in zip(got, enumerated(model).mean_field(v, 3)[1:]):
        np.testing.assert_allclose(mean, want, atol=2e-6)


@pytest.mark.parametrize("threads", [2, 3])
def test_mean_field_does_not_depend_on_threads(threads: int) -> None:
    model = random_dbm((67, 129, 65), spread=0.1)
    v = (np.random.default_rng(4).random((33, 67)) < 0.4).astype(np.float32)
    one = model.infer(v)
    model.n_threads = threads
    other = model.infer(v)
    for a, b in zip(one.means, other.means):
        np.testing.assert_array_equal(a, b)


def test_reconstruct_is_the_visible_mean_of_the_mean_field() -> None:
    model = random_dbm((4, 3, 2))
    v, draws = states(4), model.draws
    twin = enumerated(model)
    x = twin.mean_field(v, 200)
    expected = twin.layer_mean(x, 0)
    model.mean_field_iterations, model.mean_field_tolerance = 200, 0.0
    np.testing.assert_allclose(model.reconstruct(v), expected, atol=2e-6)
    errors = model.reconstruction_error(v)
    np.testing.assert_allclose(errors, np.square(v - expected).mean(axis=1), atol=2e-6)
    assert model.draws == draws
