"""The optimisers against their papers' formulas, and what happens when a step diverges."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import reference_nn
from derivatives import variable
from on_device import core

RULES = ["sgd", "nesterov", "rmsprop", "adam", "adamw"]
SETTINGS = {"rate": 0.05, "momentum": 0.9, "decay": 0.99, "epsilon": 1e-6, "weight_decay": 0.0}


def optimizer(parameters: list, rule: str, **settings: float):
    """On these parameters, with `SETTINGS` but for what is named."""
    numbers = core.nn.DescentSettings()
    for name, value in (SETTINGS | settings).items():
        setattr(numbers, name, value)
    return core.nn.Optimizer(parameters, rule, numbers)


def arrays(seed: int, shapes: list[tuple[int, int]]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


SHAPES = [(1, 1), (3, 17), (1, 33), (40, 5)]


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("rule", RULES)
def test_steps_equal_the_formulas(rule: str, weight_decay: float) -> None:
    weights = arrays(0, SHAPES)
    steps = [arrays(1 + t, SHAPES) for t in range(4)]
    parameters = [variable(w, needs_gradient=True) for w in weights]
    descent = optimizer(parameters, rule, weight_decay=weight_decay)
    for gradients in steps:
        for parameter, g in zip(parameters, gradients):
            parameter.gradient = variable(g)
        assert descent.step() == -1
    for i, parameter in enumerate(parameters):
        numbers = SETTINGS | {"weight_decay": weight_decay}
        expected = reference_nn.descent(rule, weights[i], [g[i] for g in steps], **numbers)
        np.testing.assert_allclose(parameter.to_numpy(), expected, atol=2e-6, rtol=2e-6)


def test_many_parameters_move_in_one_step() -> None:
    """More tensors than one launch takes."""
    shapes = [(1, 1 + i % 5) for i in range(70)]
    parameters = [variable(w, needs_gradient=True) for w in arrays(0, shapes)]
    before = [p.to_numpy() for p in parameters]
    for p, g in zip(parameters, arrays(1, shapes)):
        p.gradient = variable(g)
    assert optimizer(parameters, "sgd", momentum=0.0).step() == -1
    for p, w, g in zip(parameters, before, arrays(1, shapes)):
        np.testing.assert_allclose(p.to_numpy(), w - np.float32(0.05) * g, atol=1e-6)
    parameters[66].gradient = variable(np.full(shapes[66], np.nan))
    parameters[69].gradient = variable(np.full(shapes[69], np.nan))
    assert optimizer(parameters, "sgd").step() == 66


def test_parameters_without_a_gradient_stay() -> None:
    parameters = [variable(w, needs_gradient=True) for w in arrays(0, SHAPES[:2])]
    before = parameters[0].to_numpy()
    parameters[1].gradient = variable(arrays(1, SHAPES[:2])[1])
    descent = optimizer(parameters, "adam", weight_decay=0.1)
    assert descent.step() == -1
    np.testing.assert_array_equal(parameters[0].to_numpy(), before)
    descent.clear_gradients()
    assert parameters[1].gradient is None


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_a_diverging_step_leaves_all_parameters(rule: str, value: float) -> None:
    """Named by its index; the averages begin anew, so that the next steps are as good as ever."""
    shapes = SHAPES[:3]
    weights = arrays(0, shapes)
    parameters = [variable(w, needs_gradient=True) for w in weights]
    descent = optimizer(parameters, rule)
    for place in [(0, 0), (2, 15), (2, 16)]:
        gradients = arrays(1, shapes)
        gradients[1][place] = value
        for p, g in zip(parameters, gradients):
            p.gradient = variable(g)
        if rule in ("sgd", "nesterov") and np.isfinite(value):
            descent.settings = core.nn.DescentSettings()
            numbers = core.nn.DescentSettings()
            numbers.rate = 1e3
            descent.settings = numbers
        assert descent.step() == 1
        for p, w in zip(parameters, weights):
            np.testing.assert_array_equal(p.to_numpy(), w)
        steps, first, second = descent.state()
        assert steps == 0
        assert not any(x.any() for x in itertools.chain(first, second))


def test_graphs_keep_the_values_they_were_built_with() -> None:
    leaf = variable(np.array([[2.0]]), needs_gradient=True)
    values = []
    descent = optimizer([leaf], "sgd", rate=1.0, momentum=0.0)
    for _ in range(4):
        values.append((leaf.detached(), leaf.to_numpy().item()))
        leaf.gradient = variable(np.array([[1.0]]))
        assert descent.step() == -1
    assert leaf.item() == -2.0
    assert [v.item() for v, _ in values] == [was for _, was in values] == [2, 1, 0, -1]


@pytest.mark.parametrize("rule", RULES)
def test_resuming_is_exact(rule: str) -> None:
    weights, steps = arrays(0, SHAPES), [arrays(1 + t, SHAPES) for t in range(6)]

    def run(parameters: list, descent, gradients: list) -> None:
        for step in gradients:
            for p, g in zip(parameters, step):
                p.gradient = variable(g)
            assert descent.step() == -1

    whole = [variable(w, needs_gradient=True) for w in weights]
    run(whole, optimizer(whole, rule), steps)
    first = [variable(w, needs_gradient=True) for w in weights]
    before = optimizer(first, rule)
    run(first, before, steps[:3])
    second = [variable(p.to_numpy(), needs_gradient=True) for p in first]
    after = optimizer(second, rule)
    after.restore(*before.state())
    run(second, after, steps[3:])
    for a, b in zip(whole, second):
        np.testing.assert_array_equal(a.to_numpy(), b.to_numpy())


def test_refusals() -> None:
    leaf = variable(np.ones((2, 3)), needs_gradient=True)
    with pytest.raises(ValueError, match=r"\[Optimizer\] there must be a parameter"):
        optimizer([], "adam")
    with pytest.raises(ValueError, match="parameters must be leaves"):
        optimizer([core.nn.affine(leaf, 2.0)], "adam")
    with pytest.raises(ValueError, match="there is no rule 'newton'"):
        optimizer([leaf], "newton")
    bad = [np.ones((3, 2), np.float32)]
    with pytest.raises(ValueError, match=r"shape of their parameter \(2, 3\), got \(3, 2\)"):
        optimizer([leaf], "adam").restore(1, bad, bad)
    leaf.gradient = variable(np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"\[descend\] gradients and averages must"):
        optimizer([leaf], "adam").step()
