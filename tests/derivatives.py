"""Comparison of the core's derivatives with finite differences of the float64 reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import reference_nn
from on_device import core

# Float32 values, and differences of float64 values: what the reliability of layers asks for.
FIRST, SECOND = {"atol": 1e-5, "rtol": 1e-3}, {"atol": 1e-4, "rtol": 2e-3}
VALUE = {"atol": 2e-6, "rtol": 2e-6}

Expression = Callable[..., Any]


def variable(x: np.ndarray, needs_gradient: bool = False) -> Any:
    """A variable on the device of the running test."""
    return core.nn.Variable(x.astype(np.float32), needs_gradient, device=core.device)


def assert_close(got: Any, expected: np.ndarray, within: dict[str, float], what: str) -> None:
    """Within `atol` times the largest magnitude, at least 1, plus `rtol` of each element."""
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    np.testing.assert_allclose(
        got.to_numpy(), expected, atol=within["atol"] * scale, rtol=within["rtol"], err_msg=what
    )


def assert_derivatives(
    ours: Expression,
    reference: Callable[..., np.ndarray],
    shapes: Sequence[tuple[int, int]],
    *,
    positive: bool = False,
    second: bool = True,
    away_from_zero: bool = False,
) -> None:
    """`ours(*variables)` has the value, first and second derivatives of `reference(*arrays)`."""
    rng = np.random.default_rng(sum(r * 31 + c for r, c in shapes))
    draw = lambda shape: rng.normal(size=shape).astype(np.float32).astype(np.float64)  # noqa: E731
    xs = [draw(shape) for shape in shapes]
    if positive:
        xs = [(np.abs(x) + 0.5).astype(np.float32).astype(np.float64) for x in xs]
    if away_from_zero:
        xs = [x + 0.0625 * np.where(x > 0, 1, -1) for x in xs]
    leaves = [variable(x, needs_gradient=True) for x in xs]
    result = ours(*leaves)
    value = reference(*xs)
    assert_close(result, value, VALUE, "value")
    seed = draw(value.shape)
    first = core.nn.gradients(result, leaves, variable(seed), True)
    plain = core.nn.gradients(result, leaves, variable(seed), False)
    expected = reference_nn.gradients(reference, xs, seed)
    for i, g in enumerate(expected):
        assert_close(first[i], g, FIRST, f"gradient by operand {i}, to be differentiated")
        assert_close(plain[i], g, FIRST, f"gradient by operand {i}")
    if second:
        assert_second(leaves, first, reference, xs, seed, [draw(shape) for shape in shapes])


def assert_second(
    leaves: list[Any],
    first: list[Any],
    reference: Callable[..., np.ndarray],
    xs: list[np.ndarray],
    seed: np.ndarray,
    along: list[np.ndarray],
) -> None:
    """The derivatives of <along, first> by the leaves."""
    nn = core.nn
    total = None
    for g, d in zip(first, along):
        term = nn.sum_to(nn.combine("multiply", g, variable(d)), 1, 1)
        total = term if total is None else nn.combine("add", total, term)
    expected = reference_nn.second_gradients(reference, xs, seed, along)
    for i, g in enumerate(nn.gradients(total, leaves, None, False)):
        assert_close(g, expected[i], SECOND, f"second derivative by operand {i}")
