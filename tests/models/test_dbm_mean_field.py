"""Mean field of DBMs with layers wider than what the backend takes at once, against the twin."""

from __future__ import annotations

import numpy as np
import pytest
from gibbslab.models import DBM
from on_device import sized
from small_dbms import enumerated, random_dbm

# Units on both sides of 64 and of 128, which the CPU takes at once, in two and in three layers.
SIZES = [(5, 64, 128), (5, 65, 129), (3, 130, 63, 257), (3, 17, 66, 33, 65)]
ROWS = int(sized(40, 5))


def slow_dbm(sizes: tuple[int, ...]) -> DBM:
    """Layers that change each other's minds a little: convergence takes some 20 iterations."""
    model = random_dbm(sizes, seed=3, spread=0.5)
    model.weights = [w * 6 / np.sqrt(sum(w.shape)) for w in model.weights]
    return model


def inputs(model: DBM) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 2, (ROWS, model.v_size)).astype(np.float32)


def nmse(got: np.ndarray, expected: np.ndarray) -> float:
    return float(np.square(got - expected).sum() / np.square(expected).sum())


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("iterations", [1, 12])
def test_iterations_of_wide_layers_equal_the_twin(sizes: tuple[int, ...], iterations: int) -> None:
    model = slow_dbm(sizes)
    v = inputs(model)
    field = model.infer(v, max_iterations=iterations, tolerance=0.0)
    for mean, want in zip(field.means, enumerated(model).mean_field(v, iterations)[1:]):
        assert nmse(mean, want) <= 1e-10
        np.testing.assert_allclose(mean, want, atol=2e-5)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_wide_layers_solve_their_equations(sizes: tuple[int, ...]) -> None:
    model = slow_dbm(sizes)
    v = inputs(model)
    field = model.infer(v, max_iterations=1000, tolerance=1e-6)
    assert field.converged
    x, twin = [v, *field.means], enumerated(model)
    for layer in range(1, len(sizes)):
        np.testing.assert_allclose(field.means[layer - 1], twin.layer_mean(x, layer), atol=5e-6)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_iterations_to_a_tolerance_equal_the_twin(sizes: tuple[int, ...]) -> None:
    model = slow_dbm(sizes)
    v = inputs(model)
    field = model.infer(v, max_iterations=100, tolerance=1e-3)
    expected, iterations, changes = enumerated(model).settled(v, 1e-3)
    assert np.nanmin(np.abs(changes - 1e-3)) > 4e-6, "choose another seed"
    assert field.iterations == iterations.max()
    last = changes[iterations - 1, np.arange(len(v))]
    np.testing.assert_allclose(field.changes, last, atol=4e-6)
    for mean, want in zip(field.means, expected[1:]):
        assert nmse(mean, want) <= 1e-10
        np.testing.assert_allclose(mean, want, atol=2e-5)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_extrapolation_shortens_the_way_to_the_same_means(sizes: tuple[int, ...]) -> None:
    model = slow_dbm(sizes)
    v, twin = inputs(model), enumerated(model)
    field = model.infer(v, max_iterations=100, tolerance=1e-5)
    assert field.iterations < 0.8 * twin.settled(v, 1e-5, plain=True)[1].max()
    for mean, want in zip(field.means, twin.mean_field(v, 400)[1:]):
        np.testing.assert_allclose(mean, want, atol=5e-5)


@pytest.mark.parametrize("sizes", SIZES[1:3], ids=str)
def test_a_row_stops_when_it_has_converged_whatever_the_others_do(sizes: tuple[int, ...]) -> None:
    model = slow_dbm(sizes)
    v = inputs(model)
    options = {"max_iterations": 200, "tolerance": 1e-3}
    together = model.infer(v, **options)
    alone = [model.infer(row[None], **options) for row in v]
    assert together.iterations == max(field.iterations for field in alone)
    assert len({field.iterations for field in alone}) > 1
    for r, field in enumerate(alone):
        np.testing.assert_allclose(field.changes[0], together.changes[r], atol=4e-6)
        for mean, batch in zip(field.means, together.means):
            np.testing.assert_allclose(mean[0], batch[r], atol=4e-6)


def test_more_rows_than_are_taken_together() -> None:
    model = slow_dbm((5, 17, 33))
    v = np.random.default_rng(6).integers(0, 2, (int(sized(300, 20)), 5)).astype(np.float32)
    whole = model.infer(v, tolerance=0.0, max_iterations=8)
    for mean, want in zip(whole.means, enumerated(model).mean_field(v, 8)[1:]):
        assert nmse(mean, want) <= 1e-10
