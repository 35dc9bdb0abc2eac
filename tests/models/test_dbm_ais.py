"""AIS of DBMs: unbiased, bracketing the truth, honest where it cannot know."""

from __future__ import annotations

import numpy as np
import pytest
from gibbslab.metrics import AISDisagreementWarning
from on_device import sized
from reference import states
from small_dbms import random_dbm
from thresholds import Z_LIMIT

SIZES = [(5, 4, 3), (3, 4, 3, 2)]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("with_data", [False, True])
def test_estimates_are_unbiased(sizes: tuple[int, ...], reverse: bool, with_data: bool) -> None:
    """The mean weight over its expectation is 1, on a schedule so coarse that faults would show."""
    model = random_dbm(sizes, spread=0.7)
    X = states(sizes[0]) if with_data else None
    result = model.ais(
        X, reverse=reverse, n_temperatures=30, n_chains=int(sized(20_000, 500)), random_state=2
    )
    sign = -1.0 if reverse else 1.0
    expected = sign * (model.log_partition() - result.log_z_base)
    ratios = np.exp(result.log_weights - expected)
    error = ratios.std() / np.sqrt(len(ratios))
    assert error < sized(0.01, 0.1)
    assert abs(ratios.mean() - 1) < Z_LIMIT * error


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_forward_and_reverse_bracket_log_z(sizes: tuple[int, ...], beta: float) -> None:
    model = random_dbm(sizes, spread=0.7)
    chains, temperatures = int(sized(400, 50)), int(sized(1000, 100))
    bounds = model.ais_bounds(
        states(sizes[0]), beta=beta, n_chains=chains, n_temperatures=temperatures, random_state=3
    )
    exact = model.log_partition(beta=beta)
    assert bounds.agree
    for result in (bounds.forward, bounds.reverse):
        assert abs(result.log_z - exact) < Z_LIMIT * result.standard_error + 1e-6
    low, high = bounds.log_z_interval
    assert low - 0.01 <= exact <= high + 0.01


def test_disagreement_is_told() -> None:
    """Two temperatures cannot cross from fair coins to strong weights."""
    model = random_dbm((6, 5, 6), spread=6.0)
    with pytest.warns(AISDisagreementWarning, match="do not confirm each other"):
        model.ais_bounds(n_chains=20, n_temperatures=2, random_state=0)


def test_the_model_is_left_as_it_is() -> None:
    model = random_dbm((5, 4, 3))
    draws = model.draws
    one = model.ais(states(5), n_chains=5, n_temperatures=10, random_state=0).log_z
    assert model.draws == draws
    assert model.ais(states(5), n_chains=5, n_temperatures=10, random_state=0).log_z == one
