"""Dense products and transposition."""

from __future__ import annotations

import numpy as np
import pytest
from on_device import core

EDGES = [1, 31, 33, 127, 257]
SHAPES = [(1, 1, 1), (31, 33, 127), (127, 257, 31), (257, 127, 33), (33, 1, 257), (1, 257, 64)]


def operands(m: int, k: int, n: int, ta: bool, tb: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(m * k + n)
    a = rng.normal(size=(k, m) if ta else (m, k)).astype(np.float32)
    b = rng.normal(size=(n, k) if tb else (k, n)).astype(np.float32)
    return a, b


def product_bound(a: np.ndarray, b: np.ndarray, tolerance: float) -> np.ndarray:
    """What a float32 sum may miss: a few units of 2^-24 of the absolute sum, times sqrt(terms)."""
    return tolerance * 2.0**-24 * np.sqrt(a.shape[1]) * (np.abs(a) @ np.abs(b)) + 1e-30


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("ta", [False, True])
@pytest.mark.parametrize("tb", [False, True])
def test_matmul(
    shape: tuple[int, int, int], ta: bool, tb: bool, blas: str, tolerance: dict[str, float]
) -> None:
    a, b = operands(*shape, ta, tb)
    got = core.ops.matmul(a, ta, b, tb, n_threads=1)
    x, y = (a.T if ta else a).astype(np.float64), (b.T if tb else b).astype(np.float64)
    error = np.abs(got - x @ y)
    assert (error <= product_bound(x, y, tolerance["product"])).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("ta", [False, True])
def test_matmul_does_not_depend_on_threads(
    shape: tuple[int, int, int], ta: bool, blas: str
) -> None:
    a, b = operands(*shape, ta, False)
    one = core.ops.matmul(a, ta, b, False, n_threads=1)
    for threads in (2, 3):
        np.testing.assert_array_equal(core.ops.matmul(a, ta, b, False, n_threads=threads), one)


def test_matmul_with_an_empty_inner_dimension(blas: str) -> None:
    got = core.ops.matmul(np.zeros((3, 0), np.float32), False, np.zeros((0, 5), np.float32), False)
    np.testing.assert_array_equal(got, np.zeros((3, 5)))


def test_matmul_refuses_shapes_that_do_not_fit() -> None:
    a, b = np.zeros((3, 4), np.float32), np.zeros((5, 2), np.float32)
    with pytest.raises(ValueError, match=r"\[matmul\] b must have 4 rows .*, got 5"):
        core.ops.matmul(a, False, b, False)


@pytest.mark.parametrize("rows", EDGES)
@pytest.mark.parametrize("cols", EDGES)
def test_transpose(rows: int, cols: int) -> None:
    x = np.random.default_rng(rows).normal(size=(rows, cols)).astype(np.float32)
    for threads in (1, 2):
        np.testing.assert_array_equal(core.ops.transpose(x, n_threads=threads), x.T)


def test_blas_can_be_dropped_and_connected(blas: str) -> None:
    from scipy.linalg import cython_blas

    signature = str(cython_blas.__pyx_capi__["sgemm"])
    assert core.has_blas() == (blas == "scipy" and "int *" in signature)
