"""Graphs: leaves, accumulation, changed parameters, depth, higher derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from derivatives import variable
from on_device import core, sized


def square(x):
    return core.nn.combine("multiply", x, x)


def test_gradients_add_up_over_backward_calls() -> None:
    x = np.array([[1.0, -2.0, 3.0]])
    leaf = variable(x, needs_gradient=True)
    assert leaf.gradient is None
    for times in (1, 2, 3):
        core.nn.backward(core.nn.sum_to(square(leaf), 1, 1))
        np.testing.assert_allclose(leaf.gradient.to_numpy(), times * 2 * x)
    leaf.gradient = None
    assert leaf.gradient is None


def test_a_graph_can_be_gone_back_over_twice() -> None:
    leaf = variable(np.array([[2.0]]), needs_gradient=True)
    y = square(leaf)
    for _ in range(2):
        (g,) = core.nn.gradients(y, [leaf])
        assert g.item() == 4.0


def test_constants_have_no_graph() -> None:
    a, b = variable(np.ones((2, 2))), variable(np.ones((2, 2)), needs_gradient=True)
    assert not core.nn.matmul(a, False, a, True).needs_gradient
    assert core.nn.matmul(a, False, b, True).needs_gradient
    assert not square(b).detached().needs_gradient
    with pytest.raises(ValueError, match="depends on no variable that needs a gradient"):
        core.nn.backward(square(a))


def test_what_the_result_does_not_depend_on_gets_zeros() -> None:
    a, b = (variable(np.ones((2, 3)), needs_gradient=True) for _ in range(2))
    _, g = core.nn.gradients(square(a), [a, b])
    np.testing.assert_array_equal(g.to_numpy(), np.zeros((2, 3)))


def test_gradients_by_results_in_between() -> None:
    leaf = variable(np.array([[3.0]]), needs_gradient=True)
    middle = square(leaf)
    by_middle, by_leaf = core.nn.gradients(square(middle), [middle, leaf])
    assert (by_middle.item(), by_leaf.item()) == (18.0, 108.0)


def test_gradients_without_a_further_derivative_are_constants() -> None:
    leaf = variable(np.array([[3.0]]), needs_gradient=True)
    for differentiable in (False, True):
        (g,) = core.nn.gradients(square(leaf), [leaf], None, differentiable)
        assert g.needs_gradient == differentiable


def test_derivatives_of_any_order() -> None:
    """tanh at 0: 1, 0, -2, 0, 16."""
    leaf = variable(np.zeros((1, 1)), needs_gradient=True)
    y = core.nn.map("tanh", leaf)
    found = []
    for _ in range(5):
        (y,) = core.nn.gradients(y, [leaf], None, True)
        found.append(y.item())
    assert found == [1, 0, -2, 0, 16]


def test_a_step_of_gradient_descent_can_be_differentiated() -> None:
    """y(w - g(w)) for y = w^4: the derivative of an unrolled step."""
    w = variable(np.array([[0.5]]), needs_gradient=True)
    (g,) = core.nn.gradients(square(square(w)), [w], None, True)
    moved = core.nn.combine("subtract", w, core.nn.affine(g, 0.1))
    (d,) = core.nn.gradients(square(square(moved)), [w])
    inner = 0.5 - 0.1 * 4 * 0.5**3
    assert d.item() == pytest.approx(4 * inner**3 * (1 - 0.1 * 12 * 0.5**2), rel=1e-5)


def test_a_changed_parameter_is_noticed() -> None:
    leaf = variable(np.ones((2, 2)), needs_gradient=True)
    y = square(leaf)
    leaf.assign(np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match="a parameter has changed since it was used"):
        core.nn.gradients(y, [leaf])
    with pytest.raises(ValueError, match="only a variable that is no result"):
        y.assign(np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match=r"must have shape \(2, 2\), got \(2, 3\)"):
        leaf.assign(np.zeros((2, 3), np.float32))


def test_deep_graphs_are_gone_back_over_and_taken_apart() -> None:
    """Without recursion: the stack would not hold one."""
    leaf = variable(np.array([[1.0]]), needs_gradient=True)
    y, depth = leaf, sized(100_000, 300)
    for _ in range(depth):
        y = core.nn.affine(y, 1.0, 0.5)
    (g,) = core.nn.gradients(y, [leaf])
    assert g.item() == 1.0
    del y, g


def test_identity_of_variables() -> None:
    a = variable(np.ones((1, 1)))
    assert a.same(a)
    assert not a.same(a.detached())
    assert a.leaf
    assert a.device == core.device
