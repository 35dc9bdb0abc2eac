"""Each operation on variables: value, first and second derivatives, shapes, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import reference
import reference_nn
from derivatives import assert_derivatives, variable
from on_device import core, emulated

KINKED = ("leaky_relu", "elu", "step", "elu_slope", "elu_curve")
ALPHA = {"leaky_relu": 0.2, "elu": 0.7, "step": 0.2, "elu_slope": 0.7, "elu_curve": 0.7}


@pytest.mark.parametrize("shape", [(1, 1), (3, 17)])
@pytest.mark.parametrize("name", reference_nn.FUNCTIONS)
def test_functions(name: str, shape: tuple[int, int]) -> None:
    alpha = ALPHA.get(name, 0.0)
    assert_derivatives(
        lambda x: core.nn.map(name, x, alpha),
        lambda x: reference_nn.FUNCTIONS[name](x, alpha),
        [shape],
        positive=name in ("log", "sqrt"),
        away_from_zero=name in KINKED,
    )


@pytest.mark.parametrize("name", sorted(set(reference_nn.FUNCTIONS) - {"step"}))
def test_functions_are_accurate_everywhere(name: str) -> None:
    """Relative to the value, over all magnitudes of x that float32 has."""
    x = np.concatenate([s * np.logspace(-12, 4, 1001) for s in (-1, 1)]).astype(np.float32)
    x = np.append(x, np.linspace(-2, 2, 999, dtype=np.float32))[None, :]
    if name in ("log", "sqrt"):
        x = np.abs(x)[:, np.abs(x[0]) > 0]
    with np.errstate(over="ignore"):
        exact = reference_nn.FUNCTIONS[name](x.astype(np.float64), 0.7)
        expected = exact.astype(np.float32)
    got = core.nn.map(name, variable(x), 0.7).to_numpy()
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(expected))
    # Values below the normal range lose digits.
    close = np.isfinite(expected) & (np.abs(exact) > 1.2e-38)
    error = np.abs(got[close] - exact[close]) / np.abs(exact[close])
    assert error.max() < 8e-7
    no_numbers = variable(np.full((1, 3), np.nan))
    assert np.isnan(core.nn.map(name, no_numbers, 0.7).to_numpy()).all()


SHAPES = [((3, 5), (3, 5)), ((1, 5), (3, 5)), ((3, 1), (3, 5)), ((3, 1), (1, 5)), ((1, 1), (1, 17))]


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("kind", reference_nn.COMBINE)
def test_arithmetic_with_broadcasting(
    kind: str, shapes: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    assert_derivatives(
        lambda a, b: core.nn.combine(kind, a, b),
        reference_nn.COMBINE[kind],
        shapes,
        positive=kind == "divide",
    )


@pytest.mark.parametrize("ta", [False, True])
@pytest.mark.parametrize("tb", [False, True])
@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 5, 2)])
def test_products(ta: bool, tb: bool, sizes: tuple[int, int, int]) -> None:
    m, k, n = sizes
    assert_derivatives(
        lambda a, b: core.nn.matmul(a, ta, b, tb),
        lambda a, b: (a.T if ta else a) @ (b.T if tb else b),
        [(k, m) if ta else (m, k), (n, k) if tb else (k, n)],
    )


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("cols", [1, 17])
def test_sums_and_broadcasting(rows: int, cols: int) -> None:
    axes = tuple(axis for axis, size in enumerate((rows, cols)) if size == 1)
    assert_derivatives(
        lambda x: core.nn.sum_to(x, rows, cols, 0.25),
        lambda x: 0.25 * x.sum(axis=axes, keepdims=True),
        [(4, 17)],
    )
    assert_derivatives(
        lambda x: core.nn.broadcast_to(x, 4, 17),
        lambda x: np.broadcast_to(x, (4, 17)).copy(),
        [(rows, cols)],
    )


def test_long_sums_do_not_drift() -> None:
    x = np.full((300, 257), 0.1, np.float32)
    exact = x.astype(np.float64)
    nn, given = core.nn, variable(x)
    for rows, cols in [(1, 257), (300, 1), (1, 1)]:
        axes = tuple(axis for axis, size in enumerate((rows, cols)) if size == 1)
        got = nn.sum_to(given, rows, cols).to_numpy()
        np.testing.assert_allclose(got, exact.sum(axis=axes, keepdims=True), rtol=2e-7)


@pytest.mark.parametrize("shape", [(6, 4), (1, 24), (24, 1), (2, 12), (8, 3)])
def test_reshape(shape: tuple[int, int]) -> None:
    assert_derivatives(lambda x: core.nn.reshape(x, *shape), lambda x: x.reshape(shape), [(8, 3)])


def test_transposition() -> None:
    assert_derivatives(lambda x: core.nn.transpose(x), lambda x: x.T.copy(), [(3, 17)])


def test_affine() -> None:
    assert_derivatives(lambda x: core.nn.affine(x, -2.5, 0.75), lambda x: 0.75 - 2.5 * x, [(3, 17)])


def test_compositions_with_shared_parts() -> None:
    """A variable used three times, an intermediate result used twice, and one left unused."""
    nn = core.nn

    def ours(x, w):
        h = nn.map("tanh", nn.matmul(x, False, w, True))
        nn.map("exp", h)
        y = nn.combine("multiply", h, nn.map("sigmoid", h))
        return nn.combine("add", nn.matmul(y, False, w, False), nn.combine("multiply", x, x))

    def twin(x, w):
        h = np.tanh(x @ w.T)
        return (h * reference_nn.sigmoid(h)) @ w + x * x

    assert_derivatives(ours, twin, [(2, 3), (4, 3)])


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.9])
def test_dropout_is_the_addressed_draw(rate: float) -> None:
    x = np.random.default_rng(3).normal(size=(5, 33)).astype(np.float32)
    layer = 7
    keep = reference.bernoulli(np.full(x.shape, 1 - np.float32(rate)), 11,
                               reference.stream_of(4, layer))  # fmt: skip
    leaf = variable(x, needs_gradient=True)
    y = core.nn.dropout(leaf, rate, seed=11, draw=4)
    np.testing.assert_allclose(y.to_numpy(), x * keep / (1 - rate), rtol=3e-7)
    (g,) = core.nn.gradients(y, [leaf])
    np.testing.assert_allclose(g.to_numpy(), keep / (1 - rate), rtol=3e-7)


def test_normal_deviates_are_the_addressed_draw() -> None:
    latent = 8
    got = core.nn.normal(3, 5, seed=2, draw=6, device=core.device).to_numpy()
    expected = reference.normal(3, 5, 2, reference.stream_of(6, latent))
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_inputs_are_not_written() -> None:
    x = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    copy = x.copy()
    leaf = variable(x, needs_gradient=True)
    y = core.nn.map("elu", core.nn.affine(leaf, 2.0), 1.0)
    core.nn.gradients(core.nn.combine("multiply", y, y), [leaf])
    np.testing.assert_array_equal(x, copy)
    np.testing.assert_array_equal(leaf.to_numpy(), copy)


BAD = [
    (lambda nn, a, b: nn.combine("add", a, b), r"\[combine\] operands must broadcast"),
    (lambda nn, a, b: nn.matmul(a, False, b, True), r"\[matmul\] b must have 5 rows"),
    (lambda nn, a, b: nn.reshape(a, 4, 4), r"\[reshape\] \(3, 5\) cannot take the shape \(4, 4\)"),
    (lambda nn, a, b: nn.sum_to(a, 2, 5), r"\[sum_to\] out must have 1 or 3 rows"),
    (lambda nn, a, b: nn.dropout(a, 1.0, 0, 0), r"\[dropout\] rate must be in \[0, 1\)"),
    (lambda nn, a, b: nn.map("cosine", a), r"there is no function 'cosine'"),
    (lambda nn, a, b: nn.dense(a, b), r"\[dense\] x must have 7 columns"),
    (lambda nn, a, b: nn.loss("kl", a, b), r"\[loss\] log_variance must have shape \(3, 5\)"),
    (lambda nn, a, b: nn.loss("kl", a, a, a), r"\[loss\] target is for the losses"),
    (lambda nn, a, b: nn.dense(a, a, None, "exp"), r"the function must be an activation"),
    (lambda nn, a, b: nn.gradients(a, [a], b), r"\[backward\] the gradient must have shape"),
    (lambda nn, a, b: a.item(), r"\[item\] a variable of shape \(3, 5\) is no number"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_refusals(call, message: str) -> None:
    a, b = (variable(np.ones(shape)) for shape in ((3, 5), (4, 7)))
    with pytest.raises(ValueError, match=message):
        call(core.nn, a, b)


def test_operands_on_two_devices_are_refused(device: str) -> None:
    if not emulated():
        assert device in ("cpu", "cuda")
        return
    here, there = variable(np.ones((2, 2))), core.nn.Variable(np.ones((2, 2), np.float32))
    with pytest.raises(ValueError, match=r"one device, got 'cuda' and 'cpu'"):
        core.nn.combine("add", here, there)
