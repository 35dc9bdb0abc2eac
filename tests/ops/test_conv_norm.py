"""A convolution and batch normalisation as one operation: NumPy, plain twin, moments of parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import reference_conv
import reference_nn
from derivatives import FIRST, assert_close, assert_derivatives, variable
from on_device import core, sized
from reference_conv import Geometry, geometry
from test_conv import LARGE
from test_dense import ACTIVATIONS
from test_norm import EPSILON, fixed_moments

SMALL = geometry((4, 3), (2, 3), (3, 2), (2, 1), 1)
# Geometries with samples that straddle groups, and pixels of all samples one after the other; a
# stride beyond the kernel leaves pixels that see nothing.
CASES = LARGE | {
    "by pixel": (33, geometry((3, 4), (16, 48), (3, 3), (1, 1), 1)),
    "by pixel, strides": (35, geometry((5, 4), (32, 16), (2, 3), (3, 2), 1)),
    "nothing seen": (3, geometry((7, 5), (2, 3), (1, 2), (3, 3))),
    "columns without a residue": (2, Geometry((5, 2, 3), (2, 1, 2), (3, 3), (2, 3), (1, 1))),
}  # fmt: skip


class Layer:
    """Operands of a layer, ours, and its NumPy twin."""

    def __init__(self, g: Geometry, transposed: bool, function: str, of_batch: bool) -> None:
        self.g, self.transposed, self.function = g, transposed, function
        self.channels = g.image[2] if transposed else g.out[2]
        self.fixed = None if of_batch else fixed_moments(self.channels)

    def shapes(self, n: int) -> list[tuple[int, int]]:
        """x, the weights, the bias, gamma and beta."""
        size = self.g.outputs if self.transposed else self.g.inputs
        return [(n, size), self.g.weights, *[(1, self.channels)] * 3]

    def operands(self, n: int, offset: float = 0.0) -> list[np.ndarray]:
        rng = np.random.default_rng(n)
        found = [rng.normal(size=shape).astype(np.float32) for shape in self.shapes(n)]
        found[2] += np.float32(offset)
        return found

    def run(self, x: Any, w: Any, *rest: Any, plain: bool = False) -> tuple[Any, Any, Any]:
        """`rest` is the bias, or gamma and beta, or all three."""
        bias = rest[0] if len(rest) % 2 else None
        gamma, beta = rest[-2:] if len(rest) > 1 else (None, None)
        moments = (None, None) if self.fixed is None else map(variable, self.fixed)
        return core.nn.conv_norm(
            self.g.core(core.nn), x, w, bias, *moments, gamma, beta, self.transposed, EPSILON,
            self.function, ACTIVATIONS[self.function], plain,
        )  # fmt: skip

    def product(self, x: np.ndarray, w: np.ndarray, b: np.ndarray | float = 0.0) -> np.ndarray:
        z = (reference_conv.conv_transposed if self.transposed else reference_conv.conv)(
            self.g, x, w
        )
        return (z.reshape(-1, self.channels) + b).reshape(z.shape)

    def twin(self, x: np.ndarray, w: np.ndarray, *rest: np.ndarray) -> np.ndarray:
        z = self.product(x, w, rest[0] if len(rest) % 2 else 0.0)
        ones, zeros = np.ones((1, self.channels)), np.zeros((1, self.channels))
        gamma, beta = rest[-2:] if len(rest) > 1 else (ones, zeros)
        y = reference_conv.batch_norm(z, gamma, beta, EPSILON, self.fixed)
        return reference_nn.FUNCTIONS[self.function](y, ACTIVATIONS[self.function])


@pytest.mark.parametrize("of_batch", [True, False])
@pytest.mark.parametrize("transposed", [False, True])
def test_derivatives(transposed: bool, of_batch: bool) -> None:
    """With a bias, with gamma and beta, and with all three; first and second derivatives."""
    layer = Layer(SMALL, transposed, "tanh", of_batch)
    x, w, bias, gamma, beta = layer.shapes(3)
    for shapes in ([x, w, bias], [x, w, gamma, beta], [x, w, bias, gamma, beta]):
        assert_derivatives(lambda *of: layer.run(*of)[0], layer.twin, shapes)


@pytest.mark.parametrize("of_batch", [True, False])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_equal_those_of_the_plain_twin(
    case: str, transposed: bool, of_batch: bool
) -> None:
    n, g = CASES[case]
    layer = Layer(g, transposed, "tanh" if of_batch else "softplus", of_batch)
    operands = layer.operands(n)
    exact = layer.twin(*(a.astype(np.float64) for a in operands))
    seed = variable(np.random.default_rng(0).normal(size=exact.shape))
    results = []
    for plain in (True, False):
        leaves = [variable(a, needs_gradient=True) for a in operands]
        y, mean, variance = layer.run(*leaves, plain=plain)
        results.append([y, mean, variance, *core.nn.gradients(y, leaves, seed)])
    assert_close(results[1][0], exact, FIRST, "value")
    if of_batch:  # the bias moves nothing but the mean: its gradient is rounding
        limit = 1e-6 * np.abs(seed.to_numpy()).sum()
        assert all(np.abs(of.pop(5).to_numpy()).max() < limit for of in results)
    for plain_value, fused in zip(*results):
        assert_close(fused, plain_value.to_numpy().astype(np.float64), FIRST, case)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_moments_are_those_of_the_products(case: str, transposed: bool, offset: float) -> None:
    """Merged from parts; a mean far from zero costs what float32 products cost, no more."""
    n, g = CASES[case]
    layer = Layer(g, transposed, "identity", True)
    x, w, b, *_ = layer.operands(n, offset)
    z = core.nn.convolution(g.core(core.nn), *map(variable, (x, w, b)), transposed)
    expected = reference_conv.moments(z.to_numpy().astype(np.float64), layer.channels)
    _, mean, variance = layer.run(*map(variable, (x, w, b)))
    np.testing.assert_allclose(mean.to_numpy(), expected[0], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(variance.to_numpy(), expected[1], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("function", ACTIVATIONS)
def test_constant_moments_are_used_in_the_same_pass(function: str) -> None:
    """The same as both operations one after the other, to the last bits."""
    n, g = CASES["odd"]
    layer = Layer(g, False, function, False)
    x, w, b, gamma, beta = map(variable, layer.operands(n))
    fixed = [variable(a) for a in layer.fixed]
    y = layer.run(x, w, b, gamma, beta)[0].to_numpy()
    z = core.nn.convolution(g.core(core.nn), x, w, b)
    alpha = ACTIVATIONS[function]
    expected = core.nn.batch_norm(z, *fixed, gamma, beta, False, EPSILON, function, alpha)
    np.testing.assert_allclose(y, expected.to_numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("batch", [20, 40])
def test_results_do_not_depend_on_the_threads(batch: int, blas: str) -> None:
    n, g = sized((batch, geometry((6, 5), (16, 32), (3, 2), (2, 1), 1)),
                 (3, geometry((3, 4), (2, 3), (3, 3), (1, 1), 1)))  # fmt: skip
    for transposed in (False, True):
        layer = Layer(g, transposed, "elu", True)
        results = []
        for threads in (1, 2, 5):
            leaves = [core.nn.Variable(a, True, threads, core.device) for a in layer.operands(n)]
            y, *moments = layer.run(*leaves)
            square = core.nn.combine("multiply", y, y)
            results.append([x.to_numpy() for x in (y, *moments)])
            results[-1] += [d.to_numpy() for d in core.nn.gradients(square, leaves)]
        for other in results[1:]:
            for a, b in zip(results[0], other):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("which", range(5))
@pytest.mark.parametrize("of_batch", [True, False])
def test_layers_give_only_what_is_asked_for(which: int, of_batch: bool) -> None:
    layer = Layer(SMALL, False, "tanh", of_batch)
    found = []
    for chosen in (range(5), (which,)):
        leaves = [variable(a, needs_gradient=i in chosen)
                  for i, a in enumerate(layer.operands(3))]  # fmt: skip
        y = layer.run(*leaves)[0]
        square = core.nn.combine("multiply", y, y)
        found.append(core.nn.gradients(square, [leaves[which]])[0].to_numpy())
    np.testing.assert_array_equal(*found)


Call = Callable[..., Any]
BAD: list[tuple[Call, str]] = [
    (lambda run, x, w, c: run(x, w, mean=c), "mean and variance must be given together"),
    (lambda run, x, w, c: run(x, w, gamma=c), "gamma and beta must be given together"),
    (lambda run, x, w, c: run(x, w, mean=c, variance=x), r"\[conv\] variance must have shape \(1"),
    (lambda run, x, w, c: run(x, w, mean=x, variance=c), r"\[conv\] mean must have shape \(1, 3\)"),
    (lambda run, x, w, c: run(x, w, gamma=x, beta=c), r"\[batch_norm\] gamma must have shape"),
    (lambda run, x, w, c: run(x, w, c, c, c, x, c), r"\[conv\] gamma must have shape \(1, 3\)"),
    (lambda run, x, w, c: run(x, w, function="exp"), "must be an activation"),
    (lambda run, x, w, c: run(w, w), r"\[conv\] x must have 24 columns"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_refusals(call: Call, message: str) -> None:
    shapes = ((2, SMALL.inputs), SMALL.weights, (1, 3))
    x, w, c = (variable(np.ones(shape)) for shape in shapes)
    run = lambda *args, **options: core.nn.conv_norm(SMALL.core(core.nn), *args, **options)  # noqa: E731
    with pytest.raises(ValueError, match=message):
        call(run, x, w, c)


def test_an_empty_batch_has_no_moments() -> None:
    x, w = variable(np.ones((0, SMALL.inputs))), variable(np.ones(SMALL.weights))
    with pytest.raises(ValueError, match=r"\[conv\] x must have elements"):
        core.nn.conv_norm(SMALL.core(core.nn), x, w)
