"""Convolutions: NumPy, finite differences, plain twins, edges of tiles, invariance to threads."""

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
from test_dense import ACTIVATIONS

# Images, channels (of x, of y), kernel, stride, padding.
GEOMETRIES = {
    "1x1": geometry((2, 3), (2, 3), (1, 1)),
    "3x3": geometry((4, 5), (2, 3), (3, 3), padding=1),
    "2x4 stride 2": geometry((5, 6), (1, 2), (2, 4), (2, 2), 2),
    "5x5 stride 2": geometry((5, 5), (4, 1), (5, 5), (2, 2), 2),
    "stride beyond the kernel": geometry((5, 4), (2, 2), (1, 2), (2, 3)),
    "same": Geometry((4, 4, 2), (2, 2, 3), (5, 5), (2, 2), (1, 1)),
    "output padding": Geometry((6, 6, 1), (2, 2, 2), (3, 3), (2, 2), (0, 0)),
}  # fmt: skip
# Sizes beside the edges of the tiles, and more pixels than one share has.
LARGE = {
    "quads": (3, geometry((9, 7), (4, 33), (3, 3), (1, 1), 1)),
    "odd": (2, geometry((7, 8), (5, 31), (4, 3), (2, 2), 2)),
    "one channel": (1, geometry((13, 11), (1, 32), (5, 5), (2, 2), 1)),
    "to one channel": (3, geometry((9, 9), (8, 1), (5, 5), (1, 1), 2)),
    "many pixels": (3, geometry((26, 26), (1, 2), (2, 2), (1, 1), 1)),
}

PRODUCTS: dict[str, tuple[Callable, Callable, Callable]] = {
    "conv": (
        lambda g, x, w: core.nn.convolution(g.core(core.nn), x, w),
        reference_conv.conv,
        lambda g, n: [(n, g.inputs), g.weights],
    ),
    "transposed": (
        lambda g, y, w: core.nn.convolution(g.core(core.nn), y, w, transposed=True),
        reference_conv.conv_transposed,
        lambda g, n: [(n, g.outputs), g.weights],
    ),
    "weight": (
        lambda g, y, x: core.nn.conv_weight(g.core(core.nn), y, x),
        reference_conv.conv_weight,
        lambda g, n: [(n, g.outputs), (n, g.inputs)],
    ),
}


@pytest.mark.parametrize("case", GEOMETRIES)
@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name: str, case: str) -> None:
    ours, reference, shapes = PRODUCTS[name]
    g = GEOMETRIES[case]
    n = 1 if case == "5x5 stride 2" else 2
    assert_derivatives(lambda a, b: ours(g, a, b), lambda a, b: reference(g, a, b), shapes(g, n))


@pytest.mark.parametrize("case", LARGE)
@pytest.mark.parametrize("name", PRODUCTS)
def test_products_of_many_tiles(name: str, case: str) -> None:
    """Within the rounding of float32 sums of so many terms."""
    ours, reference, shapes = PRODUCTS[name]
    n, g = LARGE[case]
    rng = np.random.default_rng(n)
    operands = [rng.normal(size=s).astype(np.float32) for s in shapes(g, n)]
    exact = reference(g, *(x.astype(np.float64) for x in operands))
    sizes = reference(g, *(np.abs(x).astype(np.float64) for x in operands))
    got = ours(g, *map(variable, operands)).to_numpy()
    assert (np.abs(got - exact) <= 1e-6 * sizes + 1e-12).all()


def layer(g: Geometry, transposed: bool, function: str) -> tuple[Callable, Callable]:
    """A layer of ours with its NumPy twin; the bias may be left out."""
    alpha = ACTIVATIONS[function]
    product = reference_conv.conv_transposed if transposed else reference_conv.conv

    def ours(x: Any, w: Any, b: Any = None, plain: bool = False) -> Any:
        return core.nn.convolution(g.core(core.nn), x, w, b, transposed, function, alpha, plain)

    def twin(x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None) -> np.ndarray:
        z = product(g, x, w)
        pixels = z.size if b is None else z.size // b.size
        z = z if b is None else (z.reshape(pixels, -1) + b).reshape(z.shape)
        return reference_nn.FUNCTIONS[function](z, alpha)

    return ours, twin


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("function", ["tanh", "elu"])
def test_layers(function: str, transposed: bool) -> None:
    g = geometry((4, 3), (2, 3), (3, 2), (2, 1), 1)
    channels, size = (2, g.outputs) if transposed else (3, g.inputs)
    for with_bias in (True, False):
        shapes = [(2, size), g.weights, (1, channels)][: 3 if with_bias else 2]
        assert_derivatives(*layer(g, transposed, function), shapes)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("function", ACTIVATIONS)
def test_layers_equal_their_plain_twins(function: str, transposed: bool) -> None:
    g = geometry((6, 5), (3, 17), (3, 3), (2, 2), 1)
    size, channels = (g.outputs, 3) if transposed else (g.inputs, 17)
    rng = np.random.default_rng(7)
    arrays = [rng.normal(size=s) for s in ((2, size), g.weights, (1, channels))]
    ours, _ = layer(g, transposed, function)
    results = []
    for plain in (True, False):
        leaves = [variable(a, needs_gradient=True) for a in arrays]
        y = ours(*leaves, plain=plain)
        results.append([y, *core.nn.gradients(core.nn.combine("multiply", y, y), leaves)])
    for twin, fused in zip(*results):
        assert_close(fused, twin.to_numpy().astype(np.float64), FIRST, function)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_layers_give_only_what_is_asked_for(which: int) -> None:
    """One operand needs a gradient: it gets the same as with all of them."""
    g = GEOMETRIES["3x3"]
    rng = np.random.default_rng(5)
    arrays = [rng.normal(size=s) for s in ((2, g.inputs), g.weights, (1, 3))]
    ours, _ = layer(g, False, "tanh")
    found = []
    for chosen in (range(3), (which,)):
        leaves = [variable(a, needs_gradient=i in chosen) for i, a in enumerate(arrays)]
        found.append(core.nn.gradients(ours(*leaves), [leaves[which]])[0].to_numpy())
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("batch", [20, 40])
def test_layers_do_not_depend_on_the_threads(batch: int, blas: str) -> None:
    """Large enough to be cut into groups of samples, shares and rows of taps; or into pixels."""
    case = sized((batch, geometry((9, 8), (16, 48), (5, 4), (2, 3), 2)),
                 (3, geometry((5, 4), (2, 3), (3, 3), (1, 1), 1)))  # fmt: skip
    n, g = case
    rng = np.random.default_rng(1)
    for transposed in (False, True):
        size, channels = (g.outputs, g.image[2]) if transposed else (g.inputs, g.out[2])
        arrays = [rng.normal(size=s).astype(np.float32)
                  for s in ((n, size), g.weights, (1, channels))]  # fmt: skip
        ours, twin = layer(g, transposed, "softplus")
        results = []
        for threads in (1, 2, 5):
            leaves = [core.nn.Variable(a, True, threads, core.device) for a in arrays]
            y = ours(*leaves)
            results.append([y.to_numpy(), *(d.to_numpy() for d in core.nn.gradients(y, leaves))])
        for other in results[1:]:
            for a, b in zip(results[0], other):
                np.testing.assert_array_equal(a, b)
        exact = twin(*(a.astype(np.float64) for a in arrays))
        np.testing.assert_allclose(results[0][0], exact, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize(("rows", "cols"), [(1, 5), (3, 4), (33, 2)])
def test_swapped_axes(rows: int, cols: int) -> None:
    assert_derivatives(
        lambda x: core.nn.swap_axes(x, rows, cols),
        lambda x: reference_conv.swap_axes(x, rows, cols),
        [(2, rows * cols)],
    )


SMALL = GEOMETRIES["3x3"]
BAD = [
    (lambda nn, g, x, w: nn.convolution(g, w, w), r"\[conv\] x must have 40 columns, got shape"),
    (lambda nn, g, x, w: nn.convolution(g, x, x), r"\[conv\] weight must have shape \(3, 18\)"),
    (lambda nn, g, x, w: nn.convolution(g, x, w, x), r"\[conv\] bias must have shape \(1, 3\)"),
    (lambda nn, g, x, w: nn.convolution(g, x, w, function="exp"), "must be an activation"),
    (lambda nn, g, x, w: nn.convolution(g, x, w, transposed=True), r"\[conv_transposed\] x must"),
    (lambda nn, g, x, w: nn.conv_weight(g, x, x), r"\[conv_weight\] y must have shape \(2, 60\)"),
    (lambda nn, g, x, w: nn.swap_axes(x, 3, 3), r"\[swap_axes\] x must have shape \(2, 9\)"),
]
BAD_GEOMETRIES = [
    ({"stride": (0, 1)}, r"\[conv\] strides must be in 1 \.\.\. 255"),
    ({"kernel": (3, 0)}, r"\[conv\] sizes of the kernel must be in"),
    ({"corner": (-1, 1)}, r"\[conv\] padding must be in 0"),
    ({"image": (0, 4, 1)}, r"\[conv\] sizes of images must be in"),
    ({"out": (2**20, 2**20, 2**20)}, r"\[conv\] elements of an image must be in"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_refusals(call: Callable, message: str) -> None:
    x, w = (variable(np.ones(shape)) for shape in ((2, SMALL.inputs), SMALL.weights))
    with pytest.raises(ValueError, match=message):
        call(core.nn, SMALL.core(core.nn), x, w)


@pytest.mark.parametrize(("changed", "message"), BAD_GEOMETRIES)
def test_bad_geometries_are_refused(changed: dict, message: str) -> None:
    x, w = (variable(np.ones(shape)) for shape in ((2, SMALL.inputs), SMALL.weights))
    with pytest.raises(ValueError, match=message):
        core.nn.convolution(SMALL._replace(**changed).core(core.nn), x, w)
