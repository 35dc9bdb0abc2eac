"""Batch normalisation: NumPy, finite differences, plain twins, shares, invariance to threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import reference_conv
import reference_nn
from derivatives import FIRST, assert_close, assert_derivatives, variable
from on_device import core, sized
from test_dense import ACTIVATIONS

EPSILON = 1e-3
# Samples, pixels, channels.
SIZES = [(2, 1, 1), (5, 3, 2), (3, 5, 17), (33, 2, 33)]


def fixed_moments(channels: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(channels)
    mean, variance = rng.normal(size=(1, channels)), rng.random((1, channels)) + 0.5
    return mean.astype(np.float32), variance.astype(np.float32)


def layer(channels: int, function: str, of_batch: bool) -> tuple[Callable, Callable]:
    """A layer of ours with its NumPy twin."""
    alpha, fixed = ACTIVATIONS[function], fixed_moments(channels)

    def ours(x: Any, gamma: Any = None, beta: Any = None, plain: bool = False) -> Any:
        nn = core.nn
        mean, variance = nn.channel_moments(x, channels) if of_batch else map(variable, fixed)
        return nn.batch_norm(x, mean, variance, gamma, beta, of_batch, EPSILON, function, alpha,
                             plain)  # fmt: skip

    def twin(
        x: np.ndarray, gamma: np.ndarray | None = None, beta: np.ndarray | None = None
    ) -> np.ndarray:
        ones, zeros = np.ones((1, channels)), np.zeros((1, channels))
        z = reference_conv.batch_norm(x, ones if gamma is None else gamma,
                                      zeros if beta is None else beta, EPSILON,
                                      None if of_batch else fixed)  # fmt: skip
        return reference_nn.FUNCTIONS[function](z, alpha)

    return ours, twin


@pytest.mark.parametrize("of_batch", [True, False])
@pytest.mark.parametrize("function", ["identity", "tanh"])
def test_derivatives(function: str, of_batch: bool) -> None:
    for count in (3, 1):
        shapes = [(4, 6), (1, 2), (1, 2)][:count]
        assert_derivatives(*layer(2, function, of_batch), shapes)


@pytest.mark.parametrize("of_batch", [True, False])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("function", ACTIVATIONS)
def test_layers_equal_their_plain_twins(
    function: str, sizes: tuple[int, int, int], of_batch: bool
) -> None:
    n, pixels, channels = sizes
    rng = np.random.default_rng(n)
    arrays = [rng.normal(size=s) for s in ((n, pixels * channels), (1, channels), (1, channels))]
    ours, twin = layer(channels, function, of_batch)
    weights = variable(rng.normal(size=(n, pixels * channels)))
    results = []
    for plain in (True, False):
        leaves = [variable(a, needs_gradient=True) for a in arrays]
        y = ours(*leaves, plain=plain)
        results.append([y, *core.nn.gradients(y, leaves, weights)])
    assert_close(results[1][0], twin(*(a.astype(np.float32).astype(np.float64) for a in arrays)),
                 FIRST, function)  # fmt: skip
    for twin_value, fused in zip(*results):
        assert_close(fused, twin_value.to_numpy().astype(np.float64), FIRST, function)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_moments_of_many_pixels(offset: float) -> None:
    """Several shares and slabs, in float64: a mean far from zero takes nothing of the variance."""
    n, pixels, channels = 40, 31, 5
    x = np.random.default_rng(2).normal(size=(n, pixels * channels)) + offset
    x = x.astype(np.float32)
    mean, variance = reference_conv.moments(x.astype(np.float64), channels)
    got_mean, got_variance = core.nn.channel_moments(variable(x), channels)
    np.testing.assert_allclose(got_mean.to_numpy(), mean, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(got_variance.to_numpy(), variance, rtol=1e-6)


def test_constant_channels_give_the_bias() -> None:
    x = variable(np.full((6, 4), 3.0), needs_gradient=True)
    gamma, beta = (variable(np.full((1, 2), v), needs_gradient=True) for v in (2.0, 0.5))
    y = core.nn.batch_norm(x, *core.nn.channel_moments(x, 2), gamma, beta)
    np.testing.assert_array_equal(y.to_numpy(), 0.5)
    for g in core.nn.gradients(y, [x, gamma]):
        np.testing.assert_array_equal(g.to_numpy(), 0.0)


def test_layers_do_not_depend_on_the_threads() -> None:
    n, pixels, channels = sized((40, 30, 7), (3, 2, 3))
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=s).astype(np.float32)
              for s in ((n, pixels * channels), (1, channels), (1, channels))]  # fmt: skip
    ours, _ = layer(channels, "elu", True)
    results = []
    for threads in (1, 2, 5):
        leaves = [core.nn.Variable(a, True, threads, core.device) for a in arrays]
        y = ours(*leaves)
        square = core.nn.combine("multiply", y, y)
        results.append([y.to_numpy(), *(g.to_numpy() for g in core.nn.gradients(square, leaves))])
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_layers_give_only_what_is_asked_for(which: int) -> None:
    rng = np.random.default_rng(5)
    arrays = [rng.normal(size=s) for s in ((3, 6), (1, 2), (1, 2))]
    ours, _ = layer(2, "tanh", True)
    found = []
    for chosen in (range(3), (which,)):
        leaves = [variable(a, needs_gradient=i in chosen) for i, a in enumerate(arrays)]
        y = ours(*leaves)
        square = core.nn.combine("multiply", y, y)
        found.append(core.nn.gradients(square, [leaves[which]])[0].to_numpy())
    np.testing.assert_array_equal(*found)


BAD = [
    (lambda nn, x, c: nn.channel_moments(x, 4), r"\[channel_moments\] x must have a multiple of 4"),
    (lambda nn, x, c: nn.batch_norm(x, c, x), r"\[batch_norm\] variance must have shape \(1, 3\)"),
    (lambda nn, x, c: nn.batch_norm(x, c, c, x, c), r"\[batch_norm\] gamma must have shape"),
    (lambda nn, x, c: nn.batch_norm(x, c, c, c), r"\[batch_norm\] gamma and beta must be given"),
    (lambda nn, x, c: nn.batch_norm(c, x, x), r"\[batch_norm\] x must have a multiple of 6"),
    (lambda nn, x, c: nn.batch_norm(x, c, c, function="log"), "must be an activation"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_refusals(call: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(core.nn, variable(np.ones((2, 6))), variable(np.ones((1, 3))))
