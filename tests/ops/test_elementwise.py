"""The sigmoid to the last places, and the conversions between packed and float states."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from on_device import core

EXTREMES = np.array(
    [0.0, -0.0, 1e-45, -1e-45, 1e-38, -1e-38, 88.8, -87.3, -87.34, -100.0, -103.9, -104.0,
     -104.1, 104.0, 1e4, -1e4, 3e38, -3e38],
    dtype=np.float32,
)  # fmt: skip


def grid() -> np.ndarray:
    """Every 0.002 in [-110, 110], and logarithmically towards 0 on both sides."""
    log = np.logspace(-45, 2, 40000, dtype=np.float64).astype(np.float32)
    return np.concatenate([np.arange(-110, 110, 0.002, dtype=np.float32), log, -log, EXTREMES])


def last_places(got: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Distance in units of the true value's last place; subnormal places are 2^-149."""
    place = np.spacing(np.maximum(true.astype(np.float32), np.float32(1e-45)))
    return np.abs(got.astype(np.float64) - true) / place.astype(np.float64)


def test_sigmoid_is_accurate_everywhere(tolerance: dict[str, float]) -> None:
    x = grid()
    got = core.ops.sigmoid(x[None, :])[0]
    error = last_places(got, reference.sigmoid(x))
    worst = int(np.argmax(error))
    assert error[worst] <= tolerance["sigmoid_ulp"], f"{error[worst]:.2f} ulp at x = {x[worst]!r}"


def test_sigmoid_is_exact_at_the_ends() -> None:
    x = np.array([[-1e4, 1e4, 0.0, -0.0, -3e38, 3e38]], dtype=np.float32)
    np.testing.assert_array_equal(core.ops.sigmoid(x), [[0.0, 1.0, 0.5, 0.5, 0.0, 1.0]])


def test_sigmoid_of_no_number_is_no_number() -> None:
    x = np.array([[np.nan, 1.0, -np.nan] + [0.5] * 14 + [np.nan]], dtype=np.float32)
    np.testing.assert_array_equal(np.isnan(core.ops.sigmoid(x)), np.isnan(x))


def test_sigmoid_reaches_the_subnormals() -> None:
    x = np.linspace(-103.0, -88.0, 1000, dtype=np.float32)
    got = core.ops.sigmoid(x[None, :])[0]
    assert (got > 0).all()
    assert (got < np.finfo(np.float32).tiny).all()
    assert (np.diff(got) >= 0).all()


def test_sigmoid_stays_in_the_unit_interval() -> None:
    """Monotone but for the last places, and never above 1: a probability of 1 always fires."""
    got = core.ops.sigmoid(np.sort(grid())[None, :])[0].astype(np.float64)
    assert got.min() == 0.0
    assert got.max() == 1.0
    assert (np.diff(got) >= -4 * np.spacing(np.float32(1.0)) * np.maximum(got[1:], 1e-30)).all()


@pytest.mark.parametrize("rows", [1, 31, 257])
@pytest.mark.parametrize("cols", [1, 15, 16, 17, 33, 127])
def test_sigmoid_of_any_shape_and_threads(rows: int, cols: int) -> None:
    x = np.random.default_rng(rows).normal(0, 4, (rows, cols)).astype(np.float32)
    got = core.ops.sigmoid(x, n_threads=1)
    assert got.shape == x.shape
    assert last_places(got, reference.sigmoid(x)).max() <= 4
    for threads in (2, 3):
        np.testing.assert_array_equal(core.ops.sigmoid(x, n_threads=threads), got)


@pytest.mark.parametrize("cols", [1, 63, 64, 65, 257])
def test_states_survive_packing(cols: int) -> None:
    """A mask of ones clamps every unit: known states go in packed and come out unchanged."""
    rbm = core.RBM(cols, 3, seed=1)
    known = np.random.default_rng(cols).integers(0, 2, (33, cols)).astype(np.float32)
    mask = np.ones((1, cols), dtype=np.float32)
    *_, v = rbm.gibbs(known, from_hidden=False, steps=1, mask=mask, known=known)
    np.testing.assert_array_equal(v, known)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_overwrite_keeps_the_known_and_only_the_known(grey: bool, shared: bool) -> None:
    rng = np.random.default_rng(4)
    rbm = core.RBM(70, 5, seed=2)
    rbm.v_bias = np.full(70, 30.0, dtype=np.float32)  # free units are drawn as 1
    known = np.zeros((17, 70), dtype=np.float32)
    if grey:
        known = rng.random((17, 70), dtype=np.float32)
    mask = rng.integers(0, 2, (1 if shared else 17, 70)).astype(np.float32)
    *_, v = rbm.gibbs(np.zeros_like(known), False, 2, mask=mask, known=known)
    np.testing.assert_array_equal(v, np.where(mask == 1, known, 1.0))


def elements(name: str, shape: tuple[int, int]) -> np.ndarray:
    """Random bits of the type (bfloat16 as uint16), its extremes among them."""
    stored = np.dtype("uint16" if name == "bfloat16" else name)
    rng = np.random.default_rng(shape[1])
    if name == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    x = np.frombuffer(rng.bytes(shape[0] * shape[1] * stored.itemsize), stored).reshape(shape)
    if stored.kind == "f":
        few = [0.0, -0.0, 1.5, np.inf, -np.inf, np.nan, np.finfo(stored).smallest_subnormal]
        few += [np.finfo(stored).max, -1e300 if name == "float64" else -(2.0**-20)]
    else:
        few = [0, np.iinfo(stored).max, np.iinfo(stored).min, 1]
    x = x.copy()
    x.flat[: len(few)] = np.array(few, stored)[: x.size]
    return x


@pytest.mark.parametrize("shape", [(1, 1), (3, 31), (33, 33), (2, 257)])
@pytest.mark.parametrize("name", core.ELEMENTS)
def test_other_numbers_are_rounded_once(name: str, shape: tuple[int, int]) -> None:
    """Rows may be longer than what is read of them."""
    wide = elements(name, (shape[0], shape[1] + 5))
    got = core.ops.converted(wide.view(np.uint8).reshape(shape[0], -1), name, shape[1])
    assert got.shape == shape
    np.testing.assert_array_equal(got, reference.as_float32(wide[:, : shape[1]], name))


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_every_number_of_sixteen_bits(name: str) -> None:
    x = np.arange(2**16, dtype=np.uint16).reshape(16, -1)
    stored = x if name == "bfloat16" else x.view(np.float16)
    got = core.ops.converted(x.view(np.uint8).reshape(16, -1), name, x.shape[1])
    expected = reference.as_float32(stored, name)
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(expected))


def test_rows_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^\[converted\] rows must not overlap, got shape \(2, 9"):
        core.ops.converted(np.zeros((2, 8), np.uint8), "uint8", 9)
    with pytest.raises(TypeError, match="'complex64' is no number type that can be converted"):
        core.ops.converted(np.zeros((2, 8), np.uint8), "complex64", 1)
