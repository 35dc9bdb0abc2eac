"""Annealed importance sampling against exact partition functions.

The emulated card runs few chains and temperatures, and weaker couplings with them, so that the
weights spread as little as needed: it sees biases of Z of 5 to 30 %.
"""

from __future__ import annotations

import numpy as np
import pytest
from gibbslab.metrics import ais, ais_bounds
from gibbslab.metrics._ais_setup import exact_samples
from on_device import core, sized
from reference import index_of, softplus
from small_rbms import enumerated, random_rbm
from thresholds import Z_LIMIT, assert_distribution, assert_z

# Twenty models: both orientations, odd sizes, weak to strong couplings.
MODELS = [
    (visible, hidden, 100 * repeat + visible, spread)
    for repeat, spread in enumerate([0.1, 0.25, 0.4, 0.6])
    for visible, hidden in [(20, 15), (15, 20), (7, 12), (12, 7), (33, 9)]
]


def size(chains: int, temperatures: int, few_chains: int = 128, few: int = 16) -> dict[str, int]:
    """The full size of a run, and that of the emulated card."""
    names = ("n_chains", "n_temperatures")
    return dict(zip(names, sized((chains, temperatures), (few_chains, few))))


def layers(visible: int, hidden: int) -> tuple[int, int]:
    """On the emulated card, which enumerates slowly, two thirds of what has over 2^9 states."""
    full = (visible, hidden)
    return sized(full, full if min(full) <= 9 else (visible * 2 // 3, hidden * 2 // 3))


def ratios(result, exact: float) -> np.ndarray:
    """Each chain's estimate of Z over Z, or in reverse of 1/Z times Z: expectation 1."""
    if result.reverse:
        return np.exp(result.log_weights - result.log_z_base + exact)
    return np.exp(result.log_weights + result.log_z_base - exact)


def assert_unbiased(result, exact: float, largest_error: float) -> None:
    ratio = ratios(result, exact)
    error = ratio.std(ddof=1) / np.sqrt(len(ratio))
    assert error < largest_error
    assert_z(ratio.mean(), 1.0, error, f"Z ratio, reverse={result.reverse}")


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("visible", "hidden", "seed", "spread"), MODELS)
def test_estimates_of_z_are_right_within_their_errors(visible, hidden, seed, spread, reverse):
    """Standard error below 1 %: sees a bias of Z of 5 %."""
    model = random_rbm(*layers(visible, hidden), seed, spread * sized(1.0, 0.25))
    result = ais(model, **size(1000, 2000), reverse=reverse, random_state=seed)
    exact = model.log_partition()
    assert_unbiased(result, exact, sized(0.01, 0.05))
    assert abs(result.log_z - exact) < Z_LIMIT * result.standard_error
    # Three standard errors, as published; 5.5 bound the false alarms of this test.
    low, high = result.log_z_interval
    widened = (Z_LIMIT / 3 - 1) * (high - low) / 2
    assert low - widened < exact < high + widened


@pytest.mark.parametrize(("visible", "hidden", "seed", "spread"), MODELS)
def test_forward_and_reverse_chains_bracket_the_exact_value(visible, hidden, seed, spread):
    """By Jensen's inequality a chain's own bound is below log Z forwards, above it in reverse.

    Few temperatures make the two gaps wide; each must exceed its error 5.5-fold.
    """
    model = random_rbm(*layers(visible, hidden), seed, spread + 0.5)
    exact = model.log_partition()
    for reverse, sign in ((False, 1.0), (True, -1.0)):
        run = ais(model, **size(4000, 5, 512, 3), reverse=reverse, random_state=seed)
        bound = run.log_z_base + sign * run.log_weights.mean()
        error = run.log_weights.std(ddof=1) / np.sqrt(run.n_chains)
        assert sign * (exact - bound) > Z_LIMIT * error


@pytest.mark.parametrize("betas", [[0, 1], [0, 0.5, 1], [0, 0.2, 0.2, 0.9, 1]])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", [(6, 4), (4, 6)])
def test_estimates_are_unbiased_however_coarse_the_schedule(shape, reverse, betas):
    """2^17 chains: sees a bias of Z of 3 %, such as a transition at the wrong temperature."""
    model = random_rbm(*shape, seed=21, spread=sized(0.8, 0.4))
    base = np.linspace(-0.5, 0.5, shape[0])
    chains = sized(2**17, 2**11)
    run = ais(model, n_chains=chains, betas=betas, base=base, reverse=reverse, random_state=4)
    assert_unbiased(run, model.log_partition(), sized(0.02, 0.05))


def test_base_models_agree_and_have_their_own_exact_log_z():
    model = random_rbm(10, 8, seed=5, spread=sized(0.5, 0.2))
    data = np.random.default_rng(0).random((50, 10)) < np.linspace(0.1, 0.9, 10)
    biases = {"zeros": np.zeros(10), "given": np.linspace(-2, 2, 10)}
    means = 0.95 * data.mean(axis=0) + 0.025
    biases["data"] = np.log(means / (1 - means))
    for name, bias in biases.items():
        base = bias if name == "given" else name
        run = ais(model, data, base=base, **size(500, 1000), random_state=1)
        expected = 8 * np.log(2) + softplus(bias).sum()
        assert run.log_z_base == pytest.approx(expected, rel=1e-6)
        assert_unbiased(run, model.log_partition(), sized(0.02, 0.1))
    by_default = ais(model, data, n_chains=5, n_temperatures=5, random_state=1)
    assert by_default.log_z_base == pytest.approx(8 * np.log(2) + softplus(biases["data"]).sum())
    assert ais(model, n_chains=5, n_temperatures=5).log_z_base == pytest.approx(18 * np.log(2))


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.7])
@pytest.mark.parametrize("reverse", [False, True])
def test_inverse_temperature_of_the_model(beta, reverse):
    model = random_rbm(9, 7, seed=6, spread=sized(0.5, 0.2))
    run = ais(model, **size(1000, 1000), beta=beta, reverse=reverse, random_state=2)
    exact = model.log_partition(beta=beta)
    if beta == 0.0:  # base model and model are the same: no spread at all
        assert run.log_z == pytest.approx(exact, rel=1e-7)
    else:
        assert_unbiased(run, exact, sized(0.02, 0.05))


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (6, 6)])
def test_exact_samples_follow_the_model(shape):
    """2^18 samples over at most 2^7 states, either layer enumerated."""
    model = random_rbm(*shape, seed=14, spread=0.7)
    v = exact_samples(model, sized(2**18, 2**14), seed=9)
    table = enumerated(model)
    counts = np.bincount(index_of(v), minlength=len(table.p_v))
    assert_distribution(counts, table.p_v, "exact samples")


def test_reverse_runs_of_large_models_start_from_long_gibbs_chains():
    """17 units each way are past enumeration; 300 sweeps mix this model, so the run is unbiased.

    The emulated card's model mixes in 20: its couplings are a third of these.
    """
    model = random_rbm(17, 18, seed=15, spread=sized(0.3, 0.1))
    exact = model.log_partition()
    data = np.random.default_rng(1).integers(0, 2, (30, 17))
    options = {**size(1000, 1000), "burn_in": sized(300, 20)}
    for X in (None, data):
        run = ais(model, X, reverse=True, **options, random_state=3)
        assert_unbiased(run, exact, sized(0.02, 0.05))


def test_reverse_run_from_given_samples():
    model = random_rbm(8, 5, seed=16, spread=sized(0.5, 0.2))
    options = size(800, 1000)
    start = exact_samples(model, options.pop("n_chains"), seed=1)
    run = ais(model, reverse=True, start=start, **options, random_state=3)
    assert run.n_chains == len(start)
    assert_unbiased(run, model.log_partition(), sized(0.02, 0.05))


def test_same_seed_same_estimate_whatever_the_threads():
    model = random_rbm(40, 17, seed=1)
    temperatures = sized(50, 10)
    one = ais(model, n_chains=70, n_temperatures=temperatures, random_state=5)
    model.n_threads = 2
    two = ais(model, n_chains=70, n_temperatures=temperatures, random_state=5)
    other = ais(model, n_chains=70, n_temperatures=temperatures, random_state=6)
    np.testing.assert_array_equal(one.log_weights, two.log_weights)
    assert (one.log_weights != other.log_weights).all()


def test_model_is_left_alone():
    model = random_rbm(30, 20, seed=1, spread=0.2)
    before = model.W, model.v_bias, model.h_bias, model.draws
    ais_bounds(model, n_chains=10, n_temperatures=sized(300, 100), burn_in=20, random_state=0)
    for was, now in zip(before, (model.W, model.v_bias, model.h_bias, model.draws)):
        np.testing.assert_array_equal(was, now)


def test_chains_are_independent_of_their_neighbours():
    """Correlation of neighbouring log-weights below 5.5 / sqrt(n)."""
    chains = sized(2**14, 2**11)
    weights = ais(random_rbm(8, 8, seed=2), n_chains=chains, n_temperatures=4).log_weights
    centred = weights - weights.mean()
    correlation = (centred[1:] * centred[:-1]).mean() / centred.var()
    assert abs(correlation) < Z_LIMIT / np.sqrt(len(weights))


def test_core_refuses_schedules_that_do_not_end_at_the_model():
    model = random_rbm(3, 2, seed=0)
    for betas in ([0.0, 0.5], [0.1, 1.0], [1.0]):
        with pytest.raises(ValueError, match="betas must rise from 0 to 1"):
            core.AIS(model._rbm, np.zeros(3, np.float32), betas, 5)
