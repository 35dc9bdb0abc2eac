"""Ways of training that resuming must not change, and what to compare afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
from gibbslab import BernoulliRBM
from gibbslab.estimators import Exponential, Steps

ROWS, V, H = 53, 23, 11  # the last batch of an epoch is short

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "cd": {"method": "cd", "k": 2},
    "momentum schedule": {"momentum": Steps((0.5, 0.9), (3,))},
    "centred": {"centered": True, "learning_rate": Exponential(0.1, 0.9)},
    "sparsity": {"sparsity_target": 0.1, "sparsity_cost": 0.5, "method": "cd"},
    "sampled input": {"sample_input": True, "statistics": "sample"},
    "no shuffling": {"shuffle": False, "n_chains": 7},
    "tempering": {"method": "pt", "n_temperatures": 4, "n_chains": 7, "k": 2},
    "exact": {"method": "exact", "momentum": 0.5, "centered": True},
    "everything": {
        "momentum": 0.5, "centered": True, "sparsity_target": 0.2, "sample_input": True,
        "statistics": "sample", "k": 2, "n_chains": 13, "l1": 1e-4, "l2": 1e-3, "max_norm": 1.5,
        "init_visible_bias": "data", "validation_fraction": 0.2,
    },
}  # fmt: skip


def grey(seed: int = 0, rows: int = ROWS) -> np.ndarray:
    """Grey rows in [0, 1] with structure, zeros and ones among them."""
    rng = np.random.default_rng(seed)
    patterns = rng.random((4, V))
    mixed = patterns[rng.integers(4, size=rows)] + rng.normal(0, 0.2, (rows, V))
    return np.clip(np.round(mixed * 16) / 16, 0, 1)


def binary(seed: int = 0, rows: int = ROWS) -> np.ndarray:
    """The same, thresholded."""
    return (grey(seed, rows) > 0.5).astype(np.float64)


def make(case: str, n_iter: int = 10, **params: Any) -> BernoulliRBM:
    """The estimator of a case."""
    settings = {"batch_size": 9, "random_state": 5, "n_threads": 1, **CASES[case], **params}
    return BernoulliRBM(H, n_iter=n_iter, **settings)


def state(estimator: BernoulliRBM) -> dict[str, Any]:
    """All that decides what comes next, and the history but for its times."""
    now = estimator._training.state()
    history = {name: column for name, column in estimator.history_.items() if name != "time"}
    return {**now["arrays"], **now["counters"], "seed": estimator.model_.seed, **history}


def assert_same_training(one: BernoulliRBM, other: BernoulliRBM) -> None:
    """Bit for bit the same."""
    first, second = state(one), state(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name, strict=True)
