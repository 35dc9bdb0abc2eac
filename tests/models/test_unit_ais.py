"""Annealed importance sampling of every pair of unit types against the exact log Z."""

from __future__ import annotations

import numpy as np
import pytest
from gibbslab import _core, metrics, units
from gibbslab.models import RBM
from on_device import core, sized
from small_unit_rbms import KINDS, PAIRS, small
from thresholds import Z_LIMIT

every_pair = pytest.mark.parametrize(("visible", "hidden"), PAIRS)
COARSE = np.linspace(0, 1, 5)  # few temperatures: a fault in one of them is not averaged away


def groups_of(visible: str, hidden: str) -> tuple[int, int]:
    return (2 if KINDS[visible][0].bounded else 1), (2 if KINDS[hidden][0].bounded else 1)


@every_pair
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 1.5])
def test_estimates_are_unbiased(
    visible: str, hidden: str, reverse: bool, temperature: float
) -> None:
    """Mean of Z-estimates over Z, forwards, or of 1 / Z, backwards, is 1, with few temperatures.

    Smallest fault: 5.5 standard errors, each under 1% (emulated: 4%, with half the spread).
    """
    chains = sized(30000, 500)
    groups = groups_of(visible, hidden)
    model, twin = small(visible, hidden, groups, temperature=temperature, spread=sized(0.3, 0.15))
    base = np.full(model.v_size, 0.2, np.float32)
    start = model._rbm.exact_samples(chains) if reverse else None
    run = _core.units.UnitAIS(model._rbm, base, COARSE.tolist(), chains, start, seed=7)
    assert run.advance(100) == 0
    sign = -1 if reverse else 1
    ratio = np.exp(run.log_weights - sign * (twin.log_z - run.log_partition_base))
    error = ratio.std(ddof=1) / np.sqrt(chains)
    assert error < sized(0.01, 0.04)
    assert abs(ratio.mean() - 1) < Z_LIMIT * error + 1e-5


@every_pair
def test_base_model(visible: str, hidden: str) -> None:
    """Without weights and with the base's biases nothing is left to estimate."""
    model, _twin = small(visible, hidden)
    model.W = np.zeros((model.v_size, model.h_size))
    model.h_bias = np.zeros(model.h_size)
    result = model.ais(base=model.v_bias, n_temperatures=3, n_chains=5)
    exact = model.log_partition()
    np.testing.assert_allclose(result.log_weights, exact - result.log_z_base, atol=1e-5)


@pytest.mark.parametrize(
    ("visible", "hidden"), [("gaussian", "bernoulli"), ("potts", "relu"), ("spin", "gaussian")]
)
@pytest.mark.parametrize("beta", [1.0, 0.7])
def test_forward_and_reverse_bracket_the_truth(visible: str, hidden: str, beta: float) -> None:
    model, twin = small(visible, hidden, (3, 3), beta=beta)
    data = model.sample(n_samples=200, n_steps=20)[1]
    temperatures, chains = sized((200, 400), (80, 60))
    options = {"n_temperatures": temperatures, "n_chains": chains, "random_state": 1, "beta": beta}
    bounds = metrics.ais_bounds(model, data, **options)
    assert bounds.agree
    assert bounds.forward.log_z == pytest.approx(twin.log_z, abs=sized(0.1, 0.4))
    assert bounds.reverse.log_z == pytest.approx(twin.log_z, abs=sized(0.1, 0.4))


def test_the_model_is_left_as_it_is() -> None:
    model, _ = small("gaussian", "bernoulli", (4, 3))
    before = model.draws
    first, second = (model.ais(n_temperatures=20, random_state=3) for _ in range(2))
    assert model.draws == before
    np.testing.assert_array_equal(first.log_weights, second.log_weights)


def test_noisy_rectified_units_are_estimated_exactly() -> None:
    """The likelihood of noisy units is that of the units that they approximate."""
    noisy = RBM(4, 3, visible="spin", hidden=units.ReLU(), random_state=2, device=core.device)
    exact = RBM(
        4, 3, visible="spin", hidden=units.ReLU(noisy=False), random_state=2, device=core.device
    )
    estimates = [
        model.ais(n_temperatures=50, random_state=3).log_weights for model in (noisy, exact)
    ]
    np.testing.assert_array_equal(*estimates)


def test_wrong_runs_are_refused() -> None:
    model, _ = small("potts", "bernoulli")
    zeros = np.zeros(model.v_size, np.float32)
    for base, betas, start, message in [
        (zeros, [0.0, 0.5], None, "betas must rise from 0 to 1"),
        (zeros[:3], [0.0, 1.0], None, f"base_bias must have {model.v_size} values, got 3"),
        (zeros, [0.0, 1.0], np.ones((2, 3), np.float32), "start must have one column per visible"),
    ]:
        with pytest.raises(ValueError, match=message):
            _core.units.UnitAIS(model._rbm, base, betas, 3, start)
    with pytest.raises(ValueError, match="start must hold one 1 and 2 0 in each 3 columns"):
        model.ais(reverse=True, start=np.ones((2, model.v_size)))
    with pytest.raises(ValueError, match="beta must be above 0"):
        model.ais(beta=0.0)
