"""Fused layers and losses: their plain twins, finite differences, edges, invariance to threads."""

from __future__ import annotations

import numpy as np
import pytest
import reference_nn
from derivatives import FIRST, VALUE, assert_close, assert_derivatives, variable
from on_device import core, sized

ACTIVATIONS = {
    "identity": 0.0, "softplus": 0.0, "sigmoid": 0.0, "tanh": 0.0, "leaky_relu": 0.2, "elu": 0.7,
}  # fmt: skip
LOSSES = list(reference_nn.LOSSES)
EDGES = [(1, 1, 1), (2, 31, 33), (33, 17, 16), (5, 65, 31)]


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("function", ACTIVATIONS)
def test_dense(function: str, with_bias: bool) -> None:
    alpha = ACTIVATIONS[function]
    shapes = [(3, 4), (5, 4), (1, 5)][: 3 if with_bias else 2]
    assert_derivatives(
        lambda x, w, b=None: core.nn.dense(x, w, b, function, alpha),
        lambda x, w, b=None: reference_nn.dense(x, w, b, function, alpha),
        shapes,
    )


@pytest.mark.parametrize("sizes", EDGES)
@pytest.mark.parametrize("function", ACTIVATIONS)
def test_dense_equals_its_plain_twin(function: str, sizes: tuple[int, int, int]) -> None:
    n, inputs, outputs = sizes
    rng = np.random.default_rng(n)
    arrays = [rng.normal(size=s) for s in ((n, inputs), (outputs, inputs), (1, outputs))]
    results = []
    for plain in (True, False):
        leaves = [variable(a, needs_gradient=True) for a in arrays]
        y = core.nn.dense(*leaves, function, ACTIVATIONS[function], plain)
        results.append([y, *core.nn.gradients(core.nn.combine("multiply", y, y), leaves)])
    for twin, fused in zip(*results):
        assert_close(fused, twin.to_numpy().astype(np.float64), FIRST, function)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_dense_gives_only_what_is_asked_for(which: int) -> None:
    """One operand needs a gradient: it gets the same as with all of them."""
    rng = np.random.default_rng(5)
    arrays = [rng.normal(size=s) for s in ((3, 17), (5, 17), (1, 5))]
    gradients = []
    for chosen in (range(3), (which,)):
        leaves = [variable(a, needs_gradient=i in chosen) for i, a in enumerate(arrays)]
        y = core.nn.dense(*leaves, "tanh")
        gradients.append(core.nn.gradients(y, [leaves[which]])[0].to_numpy())
    np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize("nonzero", [1.0, 0.2])
def test_dense_does_not_depend_on_the_threads(nonzero: float) -> None:
    """Large enough to be cut into pieces, along rows and along columns; x full, mostly zeros."""
    rng = np.random.default_rng(1)
    for sizes in sized([(300, 230, 190), (140, 500, 270)], [(9, 5, 7)]):
        n, inputs, outputs = sizes
        arrays = [rng.normal(size=s).astype(np.float32)
                  for s in ((n, inputs), (outputs, inputs), (1, outputs))]  # fmt: skip
        arrays[0] *= rng.random(arrays[0].shape) < nonzero
        results = []
        for threads in (1, 2, 5):
            leaves = [core.nn.Variable(a, True, threads, core.device) for a in arrays]
            y = core.nn.dense(*leaves, "softplus")
            results.append([y.to_numpy(), *(g.to_numpy() for g in core.nn.gradients(y, leaves))])
        for other in results[1:]:
            for a, b in zip(results[0], other):
                np.testing.assert_array_equal(a, b)
        x, w, b = (a.astype(np.float64) for a in arrays)
        exact = reference_nn.dense(x, w, b, "softplus", 0.0)
        slope = 1 - np.exp(-exact)
        expected = exact, slope @ w, slope.T @ x, slope.sum(axis=0)[None]
        for found, of in zip(results[0], expected):
            np.testing.assert_allclose(found, of, rtol=1e-4, atol=1e-3)


def operands(kind: str, shape: tuple[int, int]) -> list[np.ndarray]:
    """Prediction, log-variance and target, those that the loss has."""
    rng = np.random.default_rng(shape[0] * 100 + shape[1])
    a, b, t = rng.normal(size=shape), rng.normal(size=shape), rng.normal(size=shape)
    if kind.startswith("bernoulli"):
        t = rng.random(shape)
        a = np.clip(rng.random(shape), 0.05, 0.95) if kind == "bernoulli" else 3 * a
    parts = {"gaussian": [a, b, t], "kl": [a, b]}.get(kind, [a, t])
    return [x.astype(np.float32).astype(np.float64) for x in parts]


def call(kind: str, parts: list, scale: float, plain: bool = False):
    """The loss of variables in the order of `operands`."""
    a, *rest = parts
    b = rest.pop(0) if kind in ("gaussian", "kl") else None
    return core.nn.loss(kind, a, b, rest[0] if rest else None, scale, plain)


@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (2, 33)])
@pytest.mark.parametrize("kind", LOSSES)
def test_losses(kind: str, shape: tuple[int, int]) -> None:
    """Gradients by every operand, with the target's or without, and second derivatives."""
    xs = operands(kind, shape)
    scale = 0.5
    value = lambda *arrays: scale * reference_nn.LOSSES[kind](*arrays).sum(keepdims=True)  # noqa: E731
    gradients = reference_nn.gradients(value, xs, np.full((1, 1), -1.5))
    seed = variable(np.full((1, 1), -1.5))
    counts = (len(xs), len(xs) - 1) if kind != "kl" else (2,)
    for needed in counts:
        leaves = [variable(x, needs_gradient=i < needed) for i, x in enumerate(xs)]
        result = call(kind, leaves, scale)
        assert_close(result, value(*xs), VALUE, kind)
        for differentiable in (False, True):
            got = core.nn.gradients(result, leaves[:needed], seed, differentiable)
            for g, expected in zip(got, gradients):
                assert_close(g, expected, FIRST, f"{kind}, {needed} gradients")


@pytest.mark.parametrize("kind", LOSSES)
def test_second_derivatives_of_losses(kind: str) -> None:
    """By the operands that are no targets, of the sum of the gradients."""
    xs = operands(kind, (2, 3))
    parameters = len(xs) - (kind != "kl")
    leaves = [variable(x, needs_gradient=i < parameters) for i, x in enumerate(xs)]
    first = core.nn.gradients(call(kind, leaves, 1.0), leaves[:parameters], None, True)
    total = core.nn.sum_to(first[0], 1, 1)
    for g in first[1:]:
        total = core.nn.combine("add", total, core.nn.sum_to(g, 1, 1))
    value = lambda *arrays: reference_nn.LOSSES[kind](*arrays, *xs[parameters:])  # noqa: E731
    ones = [np.ones_like(x) for x in xs[:parameters]]
    expected = reference_nn.second_gradients(value, xs[:parameters], np.ones((2, 3)), ones)
    for g, e in zip(core.nn.gradients(total, leaves[:parameters]), expected):
        assert_close(g, e, {"atol": 1e-4, "rtol": 2e-3}, kind)


@pytest.mark.parametrize("kind", LOSSES)
def test_losses_equal_their_plain_twins(kind: str) -> None:
    xs = operands(kind, (5, 31))
    leaves = [variable(x, needs_gradient=True) for x in xs]
    plain, fused = (call(kind, leaves, 2.0, plain) for plain in (True, False))
    assert fused.item() == pytest.approx(plain.item(), rel=2e-6)
    for a, b in zip(core.nn.gradients(plain, leaves), core.nn.gradients(fused, leaves)):
        assert_close(b, a.to_numpy().astype(np.float64), FIRST, kind)


def test_bernoulli_at_the_edges() -> None:
    """Logarithms stop at -100, gradients stay finite; logits have no edge."""
    p = np.array([[0, 0, 1, 1, 0.5]])
    t = np.array([[0, 1, 0, 1, 1]])
    leaf = variable(p, needs_gradient=True)
    loss = core.nn.loss("bernoulli", leaf, None, variable(t))
    assert loss.item() == pytest.approx(200 + np.log(2), rel=1e-6)
    (g,) = core.nn.gradients(loss, [leaf])
    np.testing.assert_allclose(g.to_numpy(), [[0, -1e12, 1e12, 0, -2]], rtol=1e-6)
    logits = variable(np.array([[-1e4, 1e4, 1e4, -1e4, 0]]), needs_gradient=True)
    target = variable(np.array([[0, 1, 0, 1, 0.25]]))
    loss = core.nn.loss("bernoulli_logits", logits, None, target)
    assert loss.item() == pytest.approx(2e4 + np.log(2), rel=1e-6)
    (g,) = core.nn.gradients(loss, [logits])
    np.testing.assert_allclose(g.to_numpy(), [[0, 0, 1, -1, 0.25]], atol=1e-7)


def test_kl_of_the_standard_normal_is_zero() -> None:
    zeros = [variable(np.zeros((3, 5)), needs_gradient=True) for _ in range(2)]
    loss = core.nn.loss("kl", *zeros)
    assert loss.item() == 0.0
    for g in core.nn.gradients(loss, zeros):
        np.testing.assert_array_equal(g.to_numpy(), 0.0)
