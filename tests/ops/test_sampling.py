"""Gibbs half-steps and CD statistics, in every way that the backend computes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reference
from on_device import core

FAR_ROW = 2**31 + 3
SEED, STREAM = 21, 0x701
# Rows on both sides of what lookup tables need, columns on both sides of tiles and words.
SHAPES = [(1, 1, 1), (15, 33, 17), (16, 33, 17), (31, 127, 33), (33, 64, 257), (257, 257, 31)]
# Shares of ones on both sides of where tables take over, and the ends.
DENSITIES = [0.0, 0.1, 0.26, 0.34, 0.6, 1.0]
KINDS = ["bits", "dense bits", "grey"]


def batch(kind: str, rows: int, cols: int, density: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind == "grey":
        return rng.random((rows, cols), dtype=np.float32)
    return (rng.random((rows, cols)) < density).astype(np.float32)


def parameters(v: int, h: int, up: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(v * h)
    w = rng.normal(0, 2 / np.sqrt(v + h), (v, h)).astype(np.float32)
    return w, rng.normal(0, 1, h if up else v).astype(np.float32)


def run(x: np.ndarray, w: np.ndarray, bias: np.ndarray, up: bool, **more: Any) -> Any:
    return core.ops.half_step(x, w, bias, up, seed=SEED, stream=STREAM, **more)


def assert_half_step(
    x: np.ndarray, w: np.ndarray, bias: np.ndarray, up: bool, tolerance: dict[str, float],
    first_row: int = 0, scale: float = 1.0, **more: Any,
) -> None:  # fmt: skip
    pre, mean, sample = run(x, w, bias, up, first_row=first_row, scale=scale, **more)
    added = more.get("added", np.float32(0))
    expected = reference.pre_activation(x, w, bias, up, scale) + added.astype(np.float64)
    size = reference.pre_activation(np.abs(x), np.abs(w), np.abs(bias), up, abs(scale))
    size = size + np.abs(added)
    bound = tolerance["product"] * 2.0**-24 * np.sqrt(x.shape[1] + 1) * size
    assert (np.abs(pre - expected) <= bound).all()
    # The probability is the sigmoid of the pre-activation that the device found.
    exact = reference.sigmoid(pre)
    place = np.spacing(exact.astype(np.float32))
    assert (np.abs(mean - exact) <= tolerance["sigmoid_ulp"] * place).all()
    # And the decision is exactly that of the addressed uniform and this probability.
    expected_sample = reference.bernoulli(mean, SEED, STREAM, first_row)
    np.testing.assert_array_equal(sample, expected_sample)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("up", [True, False])
def test_half_step_of_bits(
    shape: tuple[int, int, int], density: float, up: bool, tolerance: dict[str, float]
) -> None:
    rows, v, h = shape
    x = batch("bits", rows, v if up else h, density, rows)
    assert_half_step(x, *parameters(v, h, up), up, tolerance)
    assert_half_step(x, *parameters(v, h, up), up, tolerance, first_row=FAR_ROW, scale=0.3)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["dense bits", "grey"])
@pytest.mark.parametrize("up", [True, False])
def test_half_step_of_dense_states(
    shape: tuple[int, int, int], kind: str, up: bool, blas: str, tolerance: dict[str, float]
) -> None:
    rows, v, h = shape
    x = batch(kind, rows, v if up else h, 0.4, rows)
    assert_half_step(x, *parameters(v, h, up), up, tolerance, dense=True)
    more = {"first_row": FAR_ROW, "scale": 2.0, "dense": True}
    assert_half_step(x, *parameters(v, h, up), up, tolerance, **more)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("up", [True, False])
def test_half_step_does_not_depend_on_threads(
    shape: tuple[int, int, int], kind: str, up: bool
) -> None:
    rows, v, h = shape
    for density in (0.1, 0.6):
        x = batch(kind, rows, v if up else h, density, rows)
        w, bias = parameters(v, h, up)
        dense = kind == "dense bits"
        one = run(x, w, bias, up, dense=dense, n_threads=1)
        for threads in (2, 3):
            other = run(x, w, bias, up, dense=dense, n_threads=threads)
            for name, a, b in zip(("pre", "mean", "sample"), one, other):
                np.testing.assert_array_equal(a, b, err_msg=f"{name}, {threads} threads")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("up", [True, False])
def test_half_step_of_a_layer_between_two(
    shape: tuple[int, int, int], kind: str, up: bool, tolerance: dict[str, float]
) -> None:
    """What the other neighbour gives is added, not scaled."""
    rows, v, h = shape
    x = batch(kind, rows, v if up else h, 0.3, rows)
    added = np.random.default_rng(rows).normal(0, 1, (rows, h if up else v)).astype(np.float32)
    more = {"added": added, "dense": kind != "bits"}
    assert_half_step(x, *parameters(v, h, up), up, tolerance, scale=0.7, **more)


@pytest.mark.parametrize("vectors", range(1, 16))
@pytest.mark.parametrize("density", [0.1, 0.6])
def test_half_step_of_every_width(
    vectors: int, density: float, tolerance: dict[str, float]
) -> None:
    """Outputs of 1 to 15 vectors of 16 floats, the last one ragged, from 3 blocks of inputs."""
    x = batch("bits", 67, 190, density, vectors)
    for cols in (16 * vectors, 16 * vectors - 3):
        assert_half_step(x, *parameters(190, cols, True), True, tolerance)


@pytest.mark.parametrize("cut", [1, 8, 100, 256])
def test_half_step_in_pieces_reads_the_same_words(cut: int, tolerance: dict[str, float]) -> None:
    """The rows of a batch that is cut in two keep the words of their place in the whole."""
    x = batch("bits", 257, 127, 0.1, 5)
    w, bias = parameters(127, 33, True)
    assert_half_step(x[:cut], w, bias, True, tolerance)
    assert_half_step(x[cut:], w, bias, True, tolerance, first_row=cut)


@pytest.mark.parametrize("up", [True, False])
def test_certain_units_are_certain(up: bool) -> None:
    """Biases of +-1e4: probabilities exactly 1 and 0, and the draws follow on every word."""
    sign = np.where(np.arange(257) % 2, 1.0, -1.0).astype(np.float32)
    w = np.zeros((31, 257) if up else (257, 31), dtype=np.float32)
    x = batch("bits", 1000, 31, 0.5, 3)
    _, mean, sample = run(x, w, 1e4 * sign, up)
    np.testing.assert_array_equal(mean, np.broadcast_to(sign > 0, mean.shape))
    np.testing.assert_array_equal(sample, mean)


def cd_operands(kinds: tuple[str, str, str, str], sizes: tuple[int, ...]) -> list[np.ndarray]:
    rows, chains, v, h = sizes
    shapes = [(rows, v), (rows, h), (chains, v), (chains, h)]
    return [batch(kind, *shape, 0.3, i) for i, (kind, shape) in enumerate(zip(kinds, shapes))]


CD_KINDS = {
    "bits x probabilities": ("bits", "grey", "bits", "grey"),
    "bits x bits": ("bits", "bits", "bits", "bits"),
    "grey x probabilities": ("grey", "grey", "bits", "grey"),
    "grey x bits": ("grey", "bits", "bits", "bits"),
    "bits x mixed": ("bits", "bits", "bits", "grey"),
}
CD_SIZES = [(1, 1, 1, 1), (31, 33, 33, 17), (100, 100, 127, 31), (257, 64, 65, 33), (64, 5, 257, 1)]


@pytest.mark.parametrize("kinds", CD_KINDS.values(), ids=CD_KINDS)
@pytest.mark.parametrize("sizes", CD_SIZES, ids=str)
@pytest.mark.parametrize("dense", [False, True])
def test_cd_statistics(
    kinds: tuple[str, str, str, str], sizes: tuple[int, ...], dense: bool, blas: str,
    tolerance: dict[str, float],
) -> None:  # fmt: skip
    operands = cd_operands(kinds, sizes)
    positive, negative = 1 / sizes[0], 1 / sizes[1]
    got = core.ops.cd_statistics(*operands, positive, negative, dense=dense, n_threads=1)
    expected = reference.cd_statistics(*operands, positive, negative)
    size = reference.cd_statistics(*operands, positive, -negative)
    terms = sizes[0] + sizes[1]
    bound = tolerance["product"] * 2.0**-24 * np.sqrt(terms) * (size + 1e-3)
    assert (np.abs(got - expected) <= bound).all()
    for threads in (2, 3):
        again = core.ops.cd_statistics(
            *operands, positive, negative, dense=dense, n_threads=threads
        )
        np.testing.assert_array_equal(again, got)


@pytest.mark.parametrize("density", [0.0, 0.1, 0.3, 0.9, 1.0])
def test_cd_statistics_of_bits_are_exact_counts(density: float) -> None:
    operands = [batch("bits", 300, n, density, n) for n in (127, 33)] * 2
    operands[2:] = [batch("bits", 200, n, density, n + 1) for n in (127, 33)]
    got = core.ops.cd_statistics(*operands)
    np.testing.assert_array_equal(got, reference.cd_statistics(*operands, 1.0, 1.0))


@pytest.mark.parametrize("density", [0.1, 0.6])
def test_cd_statistics_by_rows_and_by_tables(density: float, tolerance: dict[str, float]) -> None:
    """Both products of a 0/1 matrix, wide enough for several panels of columns."""
    operands = [batch("bits", 257, 300, density, 1), batch("grey", 257, 500, 0, 2)] * 2
    operands[2] = batch("bits", 257, 300, density, 3)
    got = core.ops.cd_statistics(*operands)
    size = reference.cd_statistics(*operands, 1.0, -1.0)
    error = np.abs(got - reference.cd_statistics(*operands, 1.0, 1.0))
    assert (error <= tolerance["product"] * 2.0**-24 * np.sqrt(514) * size).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    x, w, bias = np.zeros((3, 4), np.float32), np.zeros((5, 2), np.float32), np.zeros(2, np.float32)
    message = r"\[half_step\] input must have shape \(3, 5\), got \(3, 4\)"
    with pytest.raises(ValueError, match=message):
        core.ops.half_step(x, w, bias, True)
    right, wrong = np.zeros((3, 5), np.float32), np.zeros((2, 2), np.float32)
    with pytest.raises(ValueError, match=r"\[half_step\] added must have shape \(3, 2\)"):
        core.ops.half_step(right, w, bias, True, added=wrong)
    bad_bias = np.zeros(3, np.float32)
    with pytest.raises(ValueError, match=r"\[half_step\] bias must have shape \(1, 2\)"):
        core.ops.half_step(np.zeros((3, 5), np.float32), w, bad_bias, True)
    with pytest.raises(ValueError, match=r"\[cd_statistics\] h0 must have shape \(3, 2\)"):
        core.ops.cd_statistics(x, np.zeros((4, 2), np.float32), x, x)


@pytest.mark.parametrize("rows", [1, 31, 33, 257])
@pytest.mark.parametrize("cols", [1, 33, 127])
def test_activate_rows(rows: int, cols: int, tolerance: dict[str, float]) -> None:
    """Every row has its own scale, and the words of its own place."""
    rng = np.random.default_rng(rows)
    pre = rng.normal(0, 4, (rows, cols)).astype(np.float32)
    scales = np.linspace(0, 1.5, rows).astype(np.float32)
    mean, sample = core.ops.activate_rows(pre, scales, SEED, STREAM, FAR_ROW, n_threads=1)
    exact = reference.sigmoid((scales[:, None] * pre).astype(np.float64))
    place = np.spacing(exact.astype(np.float32))
    assert (np.abs(mean - exact) <= tolerance["sigmoid_ulp"] * place).all()
    np.testing.assert_array_equal(sample, reference.bernoulli(mean, SEED, STREAM, FAR_ROW))
    for threads in (2, 3):
        again = core.ops.activate_rows(pre, scales, SEED, STREAM, FAR_ROW, n_threads=threads)
        np.testing.assert_array_equal(again, (mean, sample))
