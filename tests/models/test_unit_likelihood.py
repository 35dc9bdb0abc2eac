"""Energies, free energies, conditionals and likelihoods of every pair, against enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from gibbslab import units
from gibbslab.models import RBM
from on_device import core
from reference_units import values
from scipy import special
from small_rbms import random_rbm
from small_unit_rbms import KINDS, PAIRS, small, some_states, twin_of

every_pair = pytest.mark.parametrize(("visible", "hidden"), PAIRS)
# Products are float32, sums of them float64.
CLOSE = {"rtol": 3e-6, "atol": 3e-6}


@every_pair
@pytest.mark.parametrize(("beta", "temperature"), [(1.0, 1.0), (0.6, 1.0), (1.0, 2.5), (0.6, 0.5)])
def test_energies_and_conditionals(
    visible: str, hidden: str, beta: float, temperature: float
) -> None:
    model, twin = small(visible, hidden, temperature=temperature, beta=beta)
    v, h = some_states(visible, 3, 9), some_states(hidden, 2, 9)
    wide = v.astype(np.float64), h.astype(np.float64)
    np.testing.assert_allclose(model.energy(v, h, beta=beta), twin.energy(*wide), **CLOSE)
    expected = -twin.log_p(wide[0]) - log_ways(visible, wide[0])
    np.testing.assert_allclose(model.free_energy(v, beta=beta), expected, **CLOSE)
    np.testing.assert_allclose(model.hidden_mean(v, beta=beta), twin.hidden_mean(wide[0]), **CLOSE)
    down = twin.transposed.hidden_mean(wide[1])
    np.testing.assert_allclose(model.visible_mean(h, beta=beta), down, **CLOSE)


def log_ways(kind: str, x: np.ndarray) -> np.ndarray:
    """log m(x) of whole rows of binomial or rectified units."""
    unit = KINDS[kind][1]
    if unit.kind not in ("binomial", "rectified"):
        return np.zeros(len(x))
    return np.asarray(values(unit)[1][x.astype(int)].sum(axis=1))


@every_pair
@pytest.mark.parametrize("groups", [(3, 2), (2, 3), (1, 1)], ids=str)
@pytest.mark.parametrize("temperature", [1.0, 1.6])
def test_log_partition(
    visible: str, hidden: str, groups: tuple[int, int], temperature: float
) -> None:
    model, twin = small(visible, hidden, groups, temperature=temperature)
    assert model.log_partition() == pytest.approx(twin.log_z, rel=3e-6, abs=3e-6)


@pytest.mark.parametrize(("visible", "hidden"), [p for p in PAIRS if KINDS[p[0]][0].bounded])
def test_probabilities_sum_to_one(visible: str, hidden: str) -> None:
    model, twin = small(visible, hidden)
    x, _ = twin.table
    log_p = model.log_likelihood(x)
    np.testing.assert_allclose(np.exp(log_p), twin.p, rtol=1e-5)
    assert special.logsumexp(log_p) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("hidden", [h for v, h in PAIRS if v == "gaussian"])
def test_densities_integrate_to_one(hidden: str) -> None:
    """A Gaussian visible unit: p(v) is a density, here of one unit, by quadrature."""
    model, _ = small("gaussian", hidden, (1, 2))
    v = np.linspace(-25, 25, 5001, dtype=np.float32)[:, None]
    density = np.exp(model.log_likelihood(v))
    assert density.sum() * 0.01 == pytest.approx(1.0, abs=1e-5)


def test_a_bernoulli_pair_is_the_bernoulli_rbm() -> None:
    """At temperature 2, it is the model of half the parameters at temperature 1."""
    plain = random_rbm(7, 5, seed=3)
    warm = RBM(7, 5, temperature=2.0, random_state=3, device=core.device, n_threads=1)
    warm.W, warm.v_bias, warm.h_bias = 2 * plain.W, 2 * plain.v_bias, 2 * plain.h_bias
    v = some_states("bernoulli", 7, 20)
    assert warm.log_partition() == pytest.approx(plain.log_partition(), rel=1e-6)
    np.testing.assert_allclose(warm.free_energy(v), plain.free_energy(v), rtol=1e-5)
    plain.draws = warm.draws
    np.testing.assert_array_equal(warm.sample_hidden(v), plain.sample_hidden(v))


def test_variances_per_unit() -> None:
    """Different variances: E[v | h] = a + W h, and the density of course document 002."""
    variance = np.array([0.5, 2.0, 1.3])
    model = RBM(3, 2, visible=units.Gaussian(variance), random_state=1, device=core.device)
    h = np.float32([[1, 0], [1, 1]])
    np.testing.assert_allclose(model.visible_mean(h), model.v_bias + h @ model.W.T, rtol=1e-5)
    v = np.float32([[0.3, -1.0, 2.0], [0.0, 0.4, 1.0]])
    square = (v - model.v_bias) ** 2 / (2 * variance)
    energy = square.sum(1) - h @ model.h_bias - ((v / variance) @ model.W * h).sum(1)
    np.testing.assert_allclose(model.energy(v, h), energy, rtol=1e-5)


@pytest.mark.parametrize(("visible", "hidden"), [("potts", h) for h in KINDS])
def test_zero_sum_gauge_changes_no_probability(visible: str, hidden: str) -> None:
    model, _ = small(visible, hidden)
    v, before = some_states(visible, 3, 20), (model.W, model.v_bias, model.h_bias)
    gauged = model.zero_sum_gauge()
    np.testing.assert_allclose(
        gauged.log_likelihood(v), model.log_likelihood(v), rtol=1e-5, atol=1e-5
    )
    assert np.abs(gauged.W.reshape(3, 3, -1).sum(axis=1)).max() < 1e-6
    assert np.abs(gauged.v_bias.reshape(3, 3).sum(axis=1)).max() < 1e-6
    for then, now in zip(before, (model.W, model.v_bias, model.h_bias), strict=True):
        np.testing.assert_array_equal(then, now)


def test_large_models_say_what_to_do_instead() -> None:
    model = RBM(30, 23, visible="gaussian", device=core.device)
    with pytest.raises(ValueError, match=r"at most 4194304 states.*use ais"):
        model.log_partition()


def test_twin_of_a_twin() -> None:
    """The enumeration itself: exchanging the layers leaves log Z as it is."""
    for visible, hidden in [("potts", "spin"), ("binomial", "bernoulli")]:
        model, twin = small(visible, hidden)
        assert twin_of(model, visible, hidden).log_z == pytest.approx(twin.transposed.log_z)
