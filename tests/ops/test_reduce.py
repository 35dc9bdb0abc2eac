"""Sums in float64: free energy, energy, pseudo-likelihood, log Z, softplus differences."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from gibbslab import _core
from on_device import core

SIZES = [(1, 1), (3, 5), (33, 31), (127, 33), (257, 127)]
SMALL = [(1, 1), (4, 3), (3, 9), (9, 4), (8, 8)]
BETAS = [1.0, 0.0, 0.35, 2.0]


def model(v: int, h: int, deviation: float = 0.7, n_threads: int = 1) -> _core.RBM:
    rng = np.random.default_rng(1000 * v + h)
    rbm = core.RBM(v, h, seed=3, n_threads=n_threads)
    rbm.W = rng.normal(0, deviation, (v, h)).astype(np.float32)
    rbm.v_bias = rng.normal(0, 1, v).astype(np.float32)
    rbm.h_bias = rng.normal(0, 1, h).astype(np.float32)
    return rbm


def parameters(rbm: _core.RBM) -> tuple[np.ndarray, ...]:
    return tuple(x.astype(np.float64) for x in (rbm.W, rbm.v_bias, rbm.h_bias))


def batch(rows: int, cols: int, kind: str, seed: int = 0) -> np.ndarray:
    x = np.random.default_rng(seed).random((rows, cols), dtype=np.float32)
    return x if kind == "grey" else (x < 0.4).astype(np.float32)


def assert_close(got: np.ndarray, expected: np.ndarray, size: np.ndarray, relative: float) -> None:
    assert np.asarray(got).dtype == np.float64
    assert (np.abs(got - expected) <= relative * np.maximum(size, 1.0)).all()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kind", ["bits", "grey"])
@pytest.mark.parametrize("beta", BETAS)
def test_free_energy(
    size: tuple[int, int], kind: str, beta: float, tolerance: dict[str, float]
) -> None:
    rbm = model(*size)
    w, a, b = parameters(rbm)
    v = batch(33, size[0], kind).astype(np.float64)
    expected = -beta * v @ a - reference.softplus(beta * (v @ w + b)).sum(axis=1)
    scale = beta * (np.abs(v) @ np.abs(a) + (np.abs(v) @ np.abs(w) + np.abs(b)).sum(axis=1))
    assert_close(rbm.free_energy(v.astype(np.float32), beta), expected, scale, tolerance["float64"])


def test_free_energy_of_extreme_models(tolerance: dict[str, float]) -> None:
    """Inputs of +-1e4 and zero: no overflow, and units that are off add exactly nothing."""
    rbm = core.RBM(3, 600, n_threads=1)
    rbm.W = np.zeros((3, 600), dtype=np.float32)
    bias = np.tile([1e4, -1e4, 0.0, -30.0, 30.0, -700.5], 100).astype(np.float32)
    rbm.h_bias = bias
    expected = -reference.softplus(bias.astype(np.float64)).sum()
    got = rbm.free_energy(np.zeros((1, 3), dtype=np.float32))
    assert_close(got, np.array([expected]), np.abs(expected), tolerance["float64"])
    rbm.h_bias = np.full(600, -1e4, dtype=np.float32)
    assert rbm.free_energy(np.zeros((1, 3), dtype=np.float32))[0] == 0.0


def test_free_energy_of_a_wide_layer(tolerance: dict[str, float]) -> None:
    """More hidden units than fit in one product of exponentials before its logarithm is due."""
    rbm = model(2, 9001, deviation=0.1)
    rbm.h_bias = np.zeros(9001, dtype=np.float32)
    w, a, _ = parameters(rbm)
    v = reference.states(2)
    expected = -v @ a - reference.softplus(v @ w).sum(axis=1)
    got = rbm.free_energy(v.astype(np.float32))
    assert_close(got, expected, np.abs(expected), tolerance["float64"])


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("kinds", [("bits", "bits"), ("bits", "grey"), ("grey", "bits")], ids=str)
def test_energy(size: tuple[int, int], kinds: tuple[str, str], tolerance: dict[str, float]) -> None:
    rbm = model(*size)
    w, a, b = parameters(rbm)
    v, h = batch(33, size[0], kinds[0], 1), batch(33, size[1], kinds[1], 2)
    expected = -np.einsum("ri,ij,rj->r", v, w, h, dtype=np.float64) - v @ a - h @ b
    scale = np.einsum("ri,ij,rj->r", v, np.abs(w), h) + v @ np.abs(a) + h @ np.abs(b)
    for beta in BETAS:
        assert_close(rbm.energy(v, h, beta), beta * expected, scale, tolerance["float64"])


@pytest.mark.parametrize("size", SMALL, ids=str)
@pytest.mark.parametrize("beta", BETAS)
def test_measures_of_enumerated_models(
    size: tuple[int, int], beta: float, tolerance: dict[str, float]
) -> None:
    rbm = model(*size)
    exact = reference.Enumerated(*parameters(rbm), beta)
    v = exact.v.astype(np.float32)
    one = np.ones(1)
    relative = 10 * tolerance["float64"]
    assert_close(rbm.free_energy(v, beta), exact.free_energy, one, relative)
    assert_close(rbm.pseudo_likelihood(v, beta), exact.log_conditionals(), one, relative)
    assert_close(np.float64(rbm.log_partition(beta)), exact.log_z, one, relative)
    log_likelihood = -rbm.free_energy(v, beta) - rbm.log_partition(beta)
    assert np.exp(log_likelihood).sum() == pytest.approx(1.0, abs=1e-11)


@pytest.mark.parametrize("size", [(40, 13), (13, 40), (70, 11)], ids=str)
@pytest.mark.parametrize("threads", [1, 2])
def test_log_partition_over_blocks_of_states(size: tuple[int, int], threads: int) -> None:
    """More than one block of Gray codes; either layer the smaller one. 1e-9 relative."""
    rbm = model(*size, n_threads=threads)
    w, a, b = parameters(rbm)
    if size[0] < size[1]:
        w, a, b = w.T, b, a
    h = reference.states(len(b))
    expected = np.logaddexp.reduce(h @ b + reference.softplus(h @ w.T + a).sum(axis=1))
    assert rbm.log_partition() == pytest.approx(expected, rel=1e-12)


def test_log_partition_of_extreme_models() -> None:
    rbm = core.RBM(6, 4, n_threads=1)
    assert rbm.log_partition() == pytest.approx(10 * np.log(2), rel=1e-14)
    rbm.W = np.full((6, 4), 1000.0, dtype=np.float32)
    assert rbm.log_partition() == pytest.approx(24000.0, rel=1e-14)
    rbm.W = np.full((6, 4), -1000.0, dtype=np.float32)
    # Only states with one empty layer count: 2^6 + 2^4 - 1 of them, with energy 0.
    assert rbm.log_partition() == pytest.approx(np.log(79.0), rel=1e-12)


def test_log_partition_refuses_large_models() -> None:
    with pytest.raises(ValueError, match=r"\[log_partition\] the smaller layer .* 25 .*, got 26"):
        core.RBM(26, 30).log_partition()


@pytest.mark.parametrize("rows", [1, 33, 257])
@pytest.mark.parametrize("cols", [1, 16, 31, 127, 257])
def test_softplus_difference(rows: int, cols: int, tolerance: dict[str, float]) -> None:
    x = np.random.default_rng(cols).normal(0, 8, (rows, cols)).astype(np.float32)
    for low, high in [(0.0, 1.0), (0.25, 0.2578125), (1.0, 0.5), (0.7, 0.7)]:
        low, high = float(np.float32(low)), float(np.float32(high))
        terms = reference.softplus(high * x.astype(float)) - reference.softplus(
            low * x.astype(float)
        )
        got = core.ops.softplus_difference(x, low, high, n_threads=1)
        bound = cols * tolerance["softplus"] + 1e-7 * np.abs(terms).sum(axis=1)
        assert (np.abs(got - terms.sum(axis=1)) <= bound).all()
        for threads in (2, 3):
            again = core.ops.softplus_difference(x, low, high, n_threads=threads)
            np.testing.assert_array_equal(again, got)


def test_softplus_difference_at_the_extremes() -> None:
    """Linear on the far right, nothing on the far left, log 2 scaled away at zero."""
    x = np.array([[1e4], [-1e4], [0.0], [3e4], [-3e37]], dtype=np.float32)
    got = core.ops.softplus_difference(x, 0.5, 1.0)
    np.testing.assert_allclose(got, [5e3, 0.0, 0.0, 1.5e4, 0.0], rtol=1e-15)
    from_zero = core.ops.softplus_difference(x, 0.0, 1.0)
    log2 = np.log(2.0)
    np.testing.assert_allclose(from_zero, [1e4 - log2, -log2, 0.0, 3e4 - log2, -log2], rtol=1e-12)


def test_softplus_difference_of_a_wide_row(tolerance: dict[str, float]) -> None:
    """Wider than one product of factors may grow; each factor close to 2 in turn."""
    x = np.full((2, 20011), 1e-3, dtype=np.float32)
    x[1] *= -1
    terms = reference.softplus(x.astype(float)) - reference.softplus(0.5 * x.astype(float))
    got = core.ops.softplus_difference(x, 0.5, 1.0)
    assert (np.abs(got - terms.sum(axis=1)) <= 20011 * tolerance["softplus"]).all()


@pytest.mark.parametrize("kind", ["bits", "grey"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_column_sums(kind: str, size: tuple[int, int], tolerance: dict[str, float]) -> None:
    x = batch(*size, kind)
    got = core.ops.column_sums(x, 1 / size[0], n_threads=1)
    np.testing.assert_allclose(got, x.astype(float).mean(axis=0), rtol=tolerance["float32"])
    for threads in (2, 3):
        again = core.ops.column_sums(x, 1 / size[0], n_threads=threads)
        np.testing.assert_array_equal(again, got)


@pytest.mark.parametrize("measure", ["free_energy", "pseudo_likelihood", "energy"])
def test_measures_do_not_depend_on_threads(measure: str) -> None:
    results = []
    for threads in (1, 2, 3):
        rbm = model(127, 33, n_threads=threads)
        v, h = batch(257, 127, "bits", 1), batch(257, 33, "grey", 2)
        arguments = (v, h) if measure == "energy" else (v,)
        results.append(getattr(rbm, measure)(*arguments))
    np.testing.assert_array_equal(results[1], results[0])
    np.testing.assert_array_equal(results[2], results[0])


def test_pseudo_likelihood_refuses_grey_states() -> None:
    with pytest.raises(ValueError, match=r"\[RBM.pseudo_likelihood\] v must hold only 0 and 1"):
        model(3, 5).pseudo_likelihood(batch(2, 3, "grey"))


@pytest.mark.parametrize("rows", [1, 33, 1025])
@pytest.mark.parametrize("cols", [1, 17, 64])
def test_one_value_that_is_not_finite_is_found(rows: int, cols: int) -> None:
    rng = np.random.default_rng(rows * cols)
    x = rng.choice([np.finfo(np.float32).max, np.finfo(np.float32).min, 0.0, 1e-45], (rows, cols))
    x = x.astype(np.float32)
    assert core.ops.all_finite(x)
    assert core.ops.all_finite(np.full_like(x, np.finfo(np.float32).max))
    for bad in (np.nan, np.inf, -np.inf):
        y = x.copy()
        y[rng.integers(rows), rng.integers(cols)] = bad
        assert np.isfinite(y).all() == core.ops.all_finite(y)


def test_infinities_do_not_cancel() -> None:
    assert not core.ops.all_finite(np.array([[np.inf, 1.0], [-np.inf, 1.0]], np.float32))


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (3, 15), (33, 31), (5, 127), (100, 257)])
def test_largest_differences(rows: int, cols: int) -> None:
    """Exact: the difference of two floats rounds once, and a maximum does not round."""
    rng = np.random.default_rng(rows)
    x, y = rng.normal(0, 3, (2, rows, cols)).astype(np.float32)
    expected = np.abs(x - y).max(axis=1)
    for threads in (1, 2):
        got = core.ops.largest_differences(x, y, n_threads=threads)
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, expected)
    for column in {0, cols // 2, cols - 1}:  # wherever it lies, and of either sign
        for apart in (-50.0, 50.0):
            moved = x.copy()
            moved[:, column] += np.float32(apart)
            expected = np.abs(x - moved).max(axis=1)
            np.testing.assert_array_equal(core.ops.largest_differences(x, moved), expected)


def test_largest_differences_of_equal_and_unequal_shapes() -> None:
    x = np.ones((3, 20), np.float32)
    np.testing.assert_array_equal(core.ops.largest_differences(x, x), np.zeros(3))
    with pytest.raises(ValueError, match=r"\[largest_differences\] y must have shape \(3, 20\)"):
        core.ops.largest_differences(x, x[:2])


@pytest.mark.parametrize("size", [(1, 1), (33, 31), (127, 257)], ids=str)
@pytest.mark.parametrize("kind", ["bits", "grey"])
@pytest.mark.parametrize("per_row", [False, True])
def test_weighted_sums(
    size: tuple[int, int], kind: str, per_row: bool, tolerance: dict[str, float]
) -> None:
    rows, cols = size
    x = batch(rows, cols, kind)
    weights = np.random.default_rng(cols).normal(0, 2, (rows if per_row else 1, cols))
    weights = weights.astype(np.float32)
    terms = -0.7 * x.astype(float) * weights.astype(float)
    got = core.ops.weighted_sums(x, weights, -0.7, n_threads=1)
    assert_close(got, terms.sum(axis=1), np.abs(terms).sum(axis=1), tolerance["float64"])
    for threads in (2, 3):
        again = core.ops.weighted_sums(x, weights, -0.7, n_threads=threads)
        np.testing.assert_array_equal(again, got)
