"""The Ising sampler against enumeration and Kaufman's exact solution; each step four ways.

A test's docstring names the smallest fault that it can see.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from gibbslab import _core
from gibbslab.datasets import ising2d
from gibbslab.metrics import ising_energy, ising_magnetization
from reference import draw_states, index_of, states
from reference_ising import CRITICAL, EnumeratedIsing, exact_energy
from thresholds import assert_distribution, assert_means, assert_z

METHODS = ["hybrid", "wolff", "heat_bath"]
TEMPERATURES = [1.5, CRITICAL, 3.5]
SAMPLES = 2**17


@cache
def enumerated(size: int, temperature: float) -> EnumeratedIsing:
    return EnumeratedIsing(size, temperature)


def stepped(
    size: int, temperature: float, method: str, start: np.ndarray, steps: int = 1, seed: int = 1
) -> np.ndarray:
    """States of one chain per row of `start`, after `steps`."""
    run = _core.Ising(size, [temperature] * len(start), method, seed)
    run.spins = start.astype(np.float32)
    run.advance(steps)
    return run.spins


def counts_of(x: np.ndarray) -> np.ndarray:
    return np.bincount(index_of(x), minlength=2 ** x.shape[1])


# ---- the reference itself ---------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [1.0, 2.0, CRITICAL, 2.5, 5.0])
@pytest.mark.parametrize("size", [2, 3, 4])
def test_kaufmans_solution_is_the_enumeration(size: int, temperature: float) -> None:
    exact = enumerated(size, temperature)
    energy = exact.mean(exact.energy) / exact.sites
    np.testing.assert_allclose(exact_energy(temperature, size), energy, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_reference_transitions_leave_the_distribution_invariant(
    temperature: float, method: str
) -> None:
    exact = enumerated(2, temperature)
    matrix = np.stack([exact.transition_row(method, s) for s in range(16)])
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(exact.p @ matrix, exact.p, atol=1e-12)


# ---- one step, four ways ----------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("size", [2, 3])
def test_a_step_leaves_the_distribution_invariant(
    size: int, temperature: float, method: str
) -> None:
    """Smallest fault: probabilities of states off by 2.5% rms (16 states)."""
    exact = enumerated(size, temperature)
    start = draw_states(exact.p, SAMPLES, seed=2)
    x = stepped(size, temperature, method, start)
    assert_distribution(counts_of(x), exact.p, "states")


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_every_row_of_the_transition_matrix(temperature: float, method: str, steps: int) -> None:
    """2 x 2, from all 16 states. Smallest fault: entries of a row off by 10% rms."""
    exact = enumerated(2, temperature)
    matrix = np.stack([exact.transition_row(method, s) for s in range(16)])
    expected = np.linalg.matrix_power(matrix, steps)
    each = SAMPLES // 16
    x = stepped(2, temperature, method, np.tile(states(4), (each, 1)), steps)
    for state in range(16):
        assert_distribution(counts_of(x[state::16]), expected[state], f"from state {state}")


# Odd L, where chequerboard neighbours may share a colour: stripes, a drop, no order, all down.
STARTS = {"heat_bath": [0, 0b000111000, 0b000010000, 0b101100011, 511], "wolff": [7, 16, 355]}


@pytest.mark.parametrize("method", STARTS)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_rows_of_the_transition_matrix_of_an_odd_lattice(temperature: float, method: str) -> None:
    """3 x 3, from a few of the 512 states. Smallest fault: entries off by 4% rms (100 cells)."""
    exact = enumerated(3, temperature)
    for state in STARTS[method]:
        start = np.broadcast_to(states(9)[state], (SAMPLES, 9))
        x = stepped(3, temperature, method, start, seed=state)
        expected = exact.transition_row(method, state)
        assert_distribution(counts_of(x), expected, f"from state {state}")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [2, 3, 4])
def test_moments_after_a_step(size: int, method: str) -> None:
    """Spins and products of pairs, from exact starts. Smallest fault: a mean off by 0.015."""
    exact = enumerated(size, 3.0)
    x = 2 * stepped(size, 3.0, method, draw_states(exact.p, SAMPLES, seed=3)) - 1
    pairs = np.triu_indices(exact.sites, 1)
    products, expected = x[:, pairs[0]] * x[:, pairs[1]], exact.spins.T * exact.p @ exact.spins
    assert_means(x, np.zeros(exact.sites), "spins")
    assert_means(products, expected[pairs], "products")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("distance", [1, 2, 4])
def test_neighbouring_chains_are_independent(distance: int, method: str) -> None:
    """2 x 2, from one state: pairs of chains have the product table. Smallest fault: 5% rms."""
    exact = enumerated(2, CRITICAL)
    x = stepped(2, CRITICAL, method, np.broadcast_to(states(4)[3], (SAMPLES, 4)), seed=4)
    blocks = x.reshape(-1, 2, distance, 4)
    first, second = (index_of(blocks[:, i].reshape(-1, 4)) for i in (0, 1))
    row = exact.transition_row(method, 3)
    table = np.bincount(first * 16 + second, minlength=256)
    assert_distribution(table, np.outer(row, row), "pairs of neighbours")


def test_successive_steps_use_different_words() -> None:
    """At T = 1e6 heat-bath states are coins: so are their products with those before.

    Smallest fault: a correlation of 0.011.
    """
    run = _core.Ising(4, [1e6] * 2**11, "heat_bath", 5)
    history = []
    for _ in range(128):
        run.advance(1)
        history.append(2 * run.spins - 1)
    signs = np.stack(history)
    for lag in range(1, 20):
        z = (signs[lag:] * signs[:-lag]).sum(axis=(0, 1)) / np.sqrt(len(signs[lag:]) * 2**11)
        assert np.abs(z).max() < 5.5, f"lag {lag}: {np.abs(z).max():.1f} standard errors"


# ---- whole runs -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_energy_levels_of_the_4x4_lattice(temperature: float, method: str) -> None:
    """Independent chains from coins: levels, energy, |m| and heat capacity by enumeration.

    Smallest fault: 2.5% rms in the probabilities of levels, 0.02 in the energy per site.
    """
    exact = enumerated(4, temperature)
    n = 2**15
    x = ising2d(4, temperature, n, 6, method=method, n_chains=n, burn_in=60, thinning=1)
    energy, size = 16 * ising_energy(x, 4), np.abs(ising_magnetization(x, 4))
    levels, place = np.unique(exact.energy, return_inverse=True)
    assert np.isin(energy, levels).all()
    counts = np.bincount(np.searchsorted(levels, energy), minlength=len(levels))
    assert_distribution(counts, np.bincount(place, weights=exact.p), "energy levels")
    moments = np.stack([energy, size, (energy - exact.mean(exact.energy)) ** 2], axis=1)
    of_size = exact.mean(np.abs(exact.spins.mean(axis=1)))
    variance = exact.heat_capacity * 16 * temperature**2
    assert_means(moments, np.array([exact.mean(exact.energy), of_size, variance]), "moments")


@pytest.mark.parametrize("temperature", [1.8, 2.2, CRITICAL, 2.4, 3.0, 5.0])
@pytest.mark.parametrize("size", [15, 16])
def test_energy_is_the_exact_one_of_the_torus(size: int, temperature: float) -> None:
    """Means over 256 chains, each of 10 samples, against Kaufman. Smallest fault: about 0.02."""
    x = ising2d(size, temperature, 2560, 7, n_chains=256)
    chains = ising_energy(x, size).reshape(10, 256).mean(axis=0)
    error = chains.std(ddof=1) / 16
    assert_z(chains.mean(), np.array(exact_energy(temperature, size)), error, "energy")


def test_onsagers_energy_of_the_infinite_lattice() -> None:
    """At T = 2 and 3 a torus of 64 x 64 is as good as infinite: 1e-5 off, by Kaufman."""
    # Onsager (1944): -coth(2K) (1 + 2/pi (2 tanh(2K)^2 - 1) K_1), by quadrature of the integral.
    angles = (np.arange(4000) + 0.5) * np.pi / 8000
    for temperature in (2.0, 3.0):
        k = 1 / temperature
        q = 2 * np.sinh(2 * k) / np.cosh(2 * k) ** 2
        integral = (np.pi / 2) * np.mean(1 / np.sqrt(1 - (q * np.sin(angles)) ** 2))
        energy = -(1 + 2 / np.pi * (2 * np.tanh(2 * k) ** 2 - 1) * integral) / np.tanh(2 * k)
        np.testing.assert_allclose(exact_energy(temperature, 64), energy, atol=1e-5)
        x = ising2d(64, temperature, 64, 8)
        e = ising_energy(x, 64)
        assert_z(e.mean(), np.array(energy), e.std(ddof=1) / 8 + 1e-5, "energy")


# ---- the interface ----------------------------------------------------------------------------


def test_shapes_values_and_types() -> None:
    x = ising2d(3, 2.0, 7, 0)
    assert x.shape == (7, 9)
    assert x.dtype == np.float32
    assert set(np.unique(x)) == {0.0, 1.0}
    signs = ising2d(3, 2.0, 7, 0, values=(-1, 1))
    np.testing.assert_array_equal(signs, 2 * x - 1)
    several = ising2d(3, [[1.0, 2.0, 9.0]], 7, 0)
    assert several.shape == (1, 3, 7, 9)
    energies = ising_energy(several, 3).mean(axis=-1)[0]
    assert energies[0] < energies[1] < energies[2]


@pytest.mark.parametrize("method", METHODS)
def test_the_result_depends_on_the_seed_alone(method: str) -> None:
    options = {"method": method, "n_chains": 5, "burn_in": 3, "thinning": 2}
    x = ising2d(5, [1.0, 2.5], 23, 9, n_threads=1, **options)
    for threads in (2, 3, None):
        again = ising2d(5, [1.0, 2.5], 23, 9, n_threads=threads, **options)
        np.testing.assert_array_equal(x, again)
    shown = ising2d(5, [1.0, 2.5], 23, 9, progress=True, **options)
    np.testing.assert_array_equal(x, shown)
    assert (x != ising2d(5, [1.0, 2.5], 23, 10, **options)).any()


def test_chains_take_turns_and_go_on() -> None:
    """Sample i is of chain i % n_chains; `thinning` steps lie between two of its samples."""
    x = ising2d(4, 2.0, 7, 11, n_chains=3, burn_in=4, thinning=2)
    run = _core.Ising(4, [2.0] * 3, "hybrid", 11)
    run.advance(4)
    for start in (0, 3, 6):
        np.testing.assert_array_equal(x[start : start + 3], run.spins[: 7 - start])
        run.advance(1)
        run.advance(1)


def test_a_progress_bar_ends_full(capsys: pytest.CaptureFixture[str]) -> None:
    ising2d(2, 2.0, 5, 0, n_chains=2, burn_in=900, thinning=7, progress=True)
    assert "914/914" in capsys.readouterr().err


@pytest.mark.parametrize("low", [0, -1])
def test_energy_and_magnetisation_by_hand(low: int) -> None:
    up_site = np.full((3, 3), low)
    up_site[1, 2] = 1
    for layout in (up_site, up_site.ravel()):
        assert ising_energy(layout, 3) == pytest.approx((-18 + 8) / 9)
        assert ising_magnetization(layout, 3) == pytest.approx(-7 / 9)
    both = np.stack([up_site, np.ones((3, 3), int)])
    np.testing.assert_allclose(ising_energy(both, 3), [-10 / 9, -2])
    assert ising_energy(np.ones((2, 5, 9)), 3).shape == (2, 5)
    exact = enumerated(2, 1.0)
    np.testing.assert_array_equal(ising_energy(states(4), 2), exact.energy / 4)


BAD_CALLS = {
    "L float": ({"L": 4.0}, TypeError, r"\[ising2d\] L must be an integer, got 4.0"),
    "L small": ({"L": 1}, ValueError, "L must be at least 2, got 1"),
    "L large": ({"L": 5000}, ValueError, "L must be at most 4096, got 5000"),
    "T zero": ({"T": 0}, ValueError, "T must be above 0, got 0"),
    "T negative": ({"T": [1.0, -2.0]}, ValueError, "T must be finite and at least 0, got -2.0"),
    "T nan": ({"T": float("nan")}, ValueError, "T must be finite and at least 0, got nan"),
    "T empty": ({"T": []}, ValueError, r"T must have at least one value, got shape \(0,\)"),
    "T text": ({"T": "hot"}, TypeError, "T must be a real number, got 'hot'"),
    "n zero": ({"n": 0}, ValueError, "n must be at least 1, got 0"),
    "seed": ({"random_state": -1}, ValueError, "random_state must be in 0 ..."),
    "method": ({"method": "metropolis"}, ValueError, "method must be one of .*, got 'metropolis'"),
    "values": ({"values": (0, 2)}, ValueError, r"values must be .*, got \(0, 2\)"),
    "chains": ({"n_chains": 0}, ValueError, "n_chains must be at least 1, got 0"),
    "burn_in": ({"burn_in": -1}, ValueError, "burn_in must be at least 0, got -1"),
    "thinning": ({"thinning": 0}, ValueError, "thinning must be at least 1, got 0"),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls(name: str) -> None:
    wrong, error, message = BAD_CALLS[name]
    with pytest.raises(error, match=message):
        ising2d(**{"L": 4, "T": 2.0, "n": 3, "random_state": 0, **wrong})


BAD_SPINS = {
    "shape": (np.zeros((2, 8)), ValueError, r"spins must have shape .* got \(2, 8\)"),
    "scalar": (1.0, ValueError, r"spins must have shape .* got \(\)"),
    "grey": (np.full(9, 0.5), ValueError, "spins must be 0 and 1, or -1 and"),
    "both": (np.r_[-1, 0, np.ones(7)], ValueError, "spins must be 0 and 1, or -1 and"),
    "text": (["up"] * 9, TypeError, "spins must hold real numbers"),
}


@pytest.mark.parametrize("measure", [ising_energy, ising_magnetization])
@pytest.mark.parametrize("name", BAD_SPINS)
def test_bad_spins(name: str, measure: object) -> None:
    spins, error, message = BAD_SPINS[name]
    with pytest.raises(error, match=message):
        measure(spins, 3)


def test_the_core_refuses_what_does_not_fit() -> None:
    run = _core.Ising(3, [2.0, 2.0], "wolff", 0)
    for wrong in (np.zeros((1, 9)), np.zeros((2, 8)), np.full((2, 9), 0.5)):
        with pytest.raises(ValueError, match="spins must"):
            run.spins = wrong.astype(np.float32)
    with pytest.raises(ValueError, match="steps must be at least 0"):
        run.advance(-1)
    for bad in ((1, [2.0], "wolff"), (3, [], "wolff"), (3, [0.0], "wolff"), (3, [2.0], "cluster")):
        with pytest.raises(ValueError, match="ising2d"):
            _core.Ising(*bad, 0)
