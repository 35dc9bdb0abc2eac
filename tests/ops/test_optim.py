"""The parameter update and its closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from on_device import core

EDGES = [1, 31, 33, 127, 257]
RATE, MOMENTUM, L1, L2 = 0.05, 0.9, 1e-3, 2e-3


def tensors(rows: int, cols: int) -> list[np.ndarray]:
    rng = np.random.default_rng(rows + cols)
    w, g, velocity = (rng.normal(size=(rows, cols)).astype(np.float32) for _ in range(3))
    w[0, 0] = 0.0  # L1 leaves a zero weight alone
    return [w, g, velocity]


@pytest.mark.parametrize("rows", EDGES)
@pytest.mark.parametrize("cols", EDGES)
@pytest.mark.parametrize(
    "terms",
    [{}, {"momentum": MOMENTUM}, {"l1": L1}, {"l2": L2},
     {"momentum": MOMENTUM, "l1": L1, "l2": L2}],
    ids=lambda terms: "+".join(terms) or "plain",
)  # fmt: skip
def test_update(rows: int, cols: int, terms: dict[str, float], tolerance: dict[str, float]) -> None:
    w, g, velocity = tensors(rows, cols)
    finite, new_w, new_velocity = core.ops.update(w, g, velocity, RATE, **terms)
    expected_w, expected_velocity = reference.update(w, g, velocity, RATE, **terms)
    scale = np.abs(w) + np.abs(g) + np.abs(velocity)
    assert finite
    assert (np.abs(new_w - expected_w) <= tolerance["float32"] * scale).all()
    assert (np.abs(new_velocity - expected_velocity) <= tolerance["float32"] * scale).all()


def test_momentum_is_not_multiplied_by_the_learning_rate() -> None:
    """With no gradient the velocity shrinks by the momentum alone, whatever the learning rate."""
    velocity = np.full((3, 5), 2.0, dtype=np.float32)
    zero = np.zeros_like(velocity)
    for rate in (1e-3, 0.1, 1.0):
        _, new_w, new_velocity = core.ops.update(zero, zero, velocity, rate, momentum=0.5)
        np.testing.assert_array_equal(new_velocity, np.full((3, 5), 1.0))
        np.testing.assert_allclose(new_w, rate, rtol=1e-6)


def test_inputs_are_not_written() -> None:
    originals = tensors(31, 33)
    copies = [x.copy() for x in originals]
    core.ops.update(*originals, RATE, momentum=MOMENTUM, l1=L1, l2=L2)
    for original, copy in zip(originals, copies):
        np.testing.assert_array_equal(original, copy)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", ["gradient", "velocity"])
def test_non_finite_results_are_reported(value: float, which: str) -> None:
    for place in [(0, 0), (30, 32), (17, 15), (17, 16)]:
        w, g, velocity = tensors(31, 33)
        (g if which == "gradient" else velocity)[place] = value
        finite, *_ = core.ops.update(w, g, velocity, RATE, momentum=MOMENTUM)
        assert not finite


def test_overflow_is_reported_and_large_finite_values_are_not() -> None:
    w = np.full((1, 17), 3e38, dtype=np.float32)
    g, velocity = np.ones_like(w), np.zeros_like(w)
    assert core.ops.update(w, g, velocity, 1.0)[0]
    assert not core.ops.update(w, 3e38 * g, velocity, 1.0)[0]


def test_update_refuses_shapes_that_do_not_fit() -> None:
    w, bad = np.zeros((3, 4), np.float32), np.zeros((3, 5), np.float32)
    with pytest.raises(ValueError, match=r"\[update\] gradient must .* \(3, 4\), got \(3, 5\)"):
        core.ops.update(w, bad, w, RATE)


@pytest.mark.parametrize("max_norm", [0.5, 2.0, 1e3])
def test_max_norm_limits_the_columns(max_norm: float, tolerance: dict[str, float]) -> None:
    """A step of rate 0 through the trainer: only the limit acts on the weights."""
    rng = np.random.default_rng(8)
    rbm = core.RBM(33, 17, seed=1)
    w = (rng.normal(size=(33, 17)) * np.linspace(0.01, 2, 17)).astype(np.float32)
    rbm.W = w
    options = core.TrainOptions()
    options.persistent, options.max_norm = False, max_norm
    data = core.Dataset(rng.integers(0, 2, (8, 33)).astype(np.float32))
    core.Trainer(rbm, options).train(data, np.arange(8), 8, 0, 1, 0.0)
    expected = reference.limit_column_norms(w, max_norm)
    np.testing.assert_allclose(rbm.W, expected, rtol=tolerance["float32"])
    kept = np.linalg.norm(w.astype(np.float64), axis=0) <= max_norm
    np.testing.assert_array_equal(rbm.W[:, kept], w[:, kept])
