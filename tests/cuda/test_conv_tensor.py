"""Convolutions on tensor cores, GIBBSLAB_CUDA_CONVOLUTIONS = tf32 | bf16.

They are the products of factors that are rounded to the format, with the error of a float32 sum of
that many terms: 2^-23 of the terms' magnitudes for each addition, which may cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import reference_conv
import reference_nn
from on_device import Core
from reference_conv import Geometry, geometry

# The relative error of a rounded factor.
UNIT = {"tf32": 2.0**-11, "bf16": 2.0**-8}
# Samples; images, channels (of x, of y), kernel, stride, padding. Tiles are of 64 x 64, or of 128
# pixels (elements of a window) and 32 channels, and 16 deep.
CASES = {
    "1x1": (1, geometry((3, 5), (3, 2), (1, 1))),
    "2x2": (2, geometry((5, 4), (4, 8), (2, 2))),
    "3x3": (3, geometry((9, 7), (4, 33), (3, 3), (1, 1), 1)),
    "4x3 stride 2": (2, geometry((7, 8), (5, 31), (4, 3), (2, 2), 2)),
    "5x5 stride 2": (1, geometry((13, 11), (1, 32), (5, 5), (2, 2), 2)),
    "many channels": (1, geometry((5, 5), (36, 70), (3, 3), (2, 2), 2)),
    "many pixels": (2, geometry((26, 26), (1, 2), (2, 2), (1, 1), 1)),
    "stride beyond the kernel": (2, geometry((5, 4), (2, 2), (1, 2), (2, 3))),
    "same": (2, Geometry((4, 4, 2), (2, 2, 3), (5, 5), (2, 2), (1, 1))),
}
core = Core()
core.device = "cuda"


def variable(x: np.ndarray) -> Any:
    return core.nn.Variable(x, False, device="cuda")


def shapes(g: Geometry, n: int, name: str) -> list[tuple[int, int]]:
    images = [(n, g.inputs), (n, g.outputs)]
    return {
        "conv": [images[0], g.weights],
        "transposed": [images[1], g.weights],
        "weight": images[::-1],
    }[name]


def terms(g: Geometry, n: int, name: str) -> int:
    """The most that one result is a sum of."""
    taps = g.kernel[0] * g.kernel[1]
    return {
        "conv": taps * g.image[2],
        "transposed": taps * g.out[2],
        "weight": n * g.out[0] * g.out[1],
    }[name]


OURS: dict[str, Callable[..., Any]] = {
    "conv": lambda g, x, w, b=None, *of: core.nn.convolution(g, x, w, b, False, *of),
    "transposed": lambda g, y, w, b=None, *of: core.nn.convolution(g, y, w, b, True, *of),
    "weight": lambda g, y, x: core.nn.conv_weight(g, y, x),
}
REFERENCE = {
    "conv": reference_conv.conv,
    "transposed": reference_conv.conv_transposed,
    "weight": reference_conv.conv_weight,
}


def ours(name: str, g: Geometry, *operands: np.ndarray | None, of: tuple = ()) -> np.ndarray:
    leaves = (None if x is None else variable(x) for x in operands)
    return OURS[name](g.core(core.nn), *leaves, *of).to_numpy()


def operands(name: str, case: str) -> list[np.ndarray]:
    n, g = CASES[case]
    rng = np.random.default_rng(n)
    return [rng.normal(size=s).astype(np.float32) for s in shapes(g, n, name)]


def product(name: str, case: str, xs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """In float64, and what a float32 sum of these terms may lose."""
    n, g = CASES[case]
    exact = REFERENCE[name](g, *(x.astype(np.float64) for x in xs))
    sizes = REFERENCE[name](g, *(np.abs(x).astype(np.float64) for x in xs))
    return exact, terms(g, n, name) * 2.0**-23 * sizes + 1e-30


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("how", UNIT)
def test_products_of_rounded_factors(
    how: str, name: str, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIBBSLAB_CUDA_CONVOLUTIONS", how)
    xs = operands(name, case)
    exact, within = product(name, case, [reference_conv.rounded(x, how) for x in xs])
    got = ours(name, CASES[case][1], *xs)
    assert (np.abs(got - exact) <= within).all()
    np.testing.assert_array_equal(got, ours(name, CASES[case][1], *xs))


@pytest.mark.parametrize("name", OURS)
def test_strict_float32_is_the_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The three are three: float32 keeps every bit of a factor, the others as many as they say."""
    g, xs = CASES["4x3 stride 2"][1], operands(name, "4x3 stride 2")
    monkeypatch.delenv("GIBBSLAB_CUDA_CONVOLUTIONS", raising=False)
    strict = ours(name, g, *xs)
    exact, within = product(name, "4x3 stride 2", xs)
    assert (np.abs(strict - exact) <= within).all()
    sizes = within / (terms(g, 2, name) * 2.0**-23)
    worst = {}
    for how, unit in UNIT.items():
        monkeypatch.setenv("GIBBSLAB_CUDA_CONVOLUTIONS", how)
        error = np.abs(ours(name, g, *xs) - exact)
        assert (error <= 2.01 * unit * sizes + within).all()
        worst[how] = (error / sizes).max()
    assert np.abs((strict - exact) / sizes).max() < worst["tf32"] / 20
    assert worst["tf32"] < worst["bf16"] / 3
    monkeypatch.setenv("GIBBSLAB_CUDA_CONVOLUTIONS", "fp32")
    np.testing.assert_array_equal(ours(name, g, *xs), strict)


@pytest.mark.parametrize(
    ("function", "alpha"),
    [("identity", 0.0), ("softplus", 0.0), ("sigmoid", 0.0), ("tanh", 0.0), ("leaky_relu", 0.2),
     ("elu", 0.7)],
)  # fmt: skip
@pytest.mark.parametrize("name", ["conv", "transposed"])
def test_layers(name: str, function: str, alpha: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bias and activation, none of which makes an error larger."""
    monkeypatch.setenv("GIBBSLAB_CUDA_CONVOLUTIONS", "tf32")
    case = "3x3"
    g, xs = CASES[case][1], operands(name, case)
    channels = (g.out if name == "conv" else g.image)[2]
    b = np.random.default_rng(1).normal(size=(1, channels)).astype(np.float32)
    z, within = product(name, case, [reference_conv.rounded(x, "tf32") for x in xs])
    for bias in (b, None):
        shifted = z if bias is None else (z.reshape(-1, channels) + bias).reshape(z.shape)
        twin = reference_nn.FUNCTIONS[function](shifted, alpha)
        got = ours(name, g, *xs, bias, of=(function, alpha))
        assert (np.abs(got - twin) <= within + 4e-7 * np.maximum(1, np.abs(twin))).all()


@pytest.mark.parametrize("of_batch", [True, False])
@pytest.mark.parametrize("name", ["conv", "transposed"])
def test_normalised_layers(name: str, of_batch: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as the product, its moments, and the normalisation one after the other."""
    monkeypatch.setenv("GIBBSLAB_CUDA_CONVOLUTIONS", "tf32")
    g, xs = CASES["3x3"][1], operands(name, "3x3")
    channels, transposed = (g.out if name == "conv" else g.image)[2], name == "transposed"
    z = variable(ours(name, g, *xs))
    fixed = [variable(np.full((1, channels), x, np.float32)) for x in (0.5, 2.0)]
    moments = core.nn.channel_moments(z, channels) if of_batch else fixed
    expected = core.nn.batch_norm(z, *moments, None, None, of_batch, 1e-5, "tanh").to_numpy()
    leaves, known = map(variable, xs), (None, None) if of_batch else fixed
    y, *used = core.nn.conv_norm(g.core(core.nn), *leaves, None, *known, None, None, transposed,
                                 1e-5, "tanh")  # fmt: skip
    np.testing.assert_array_equal(y.to_numpy(), expected)
    for a, b in zip(used, moments):
        np.testing.assert_array_equal(a.to_numpy(), b.to_numpy())


@pytest.mark.parametrize("name", ["conv", "transposed"])
@pytest.mark.parametrize("how", UNIT)
def test_a_sample_does_not_depend_on_its_batch(
    how: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIBBSLAB_CUDA_CONVOLUTIONS", how)
    g, (x, w) = CASES["3x3"][1], operands(name, "3x3")
    np.testing.assert_array_equal(ours(name, g, x, w)[2:], ours(name, g, x[2:], w))


@pytest.mark.parametrize("how", UNIT)
def test_what_is_not_finite_stays_so(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training that blows up is told by it."""
    g, (x, w) = CASES["1x1"][1], operands("conv", "1x1")
    x[0, :2] = np.nan, np.inf
    x[0, 9] = -np.inf
    monkeypatch.setenv("GIBBSLAB_CUDA_CONVOLUTIONS", how)
    with np.errstate(invalid="ignore"):
        strict = reference_conv.conv(g, x, w)
    got = ours("conv", g, x, w)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(strict))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(strict))
    assert np.isnan(got).sum() == 2
    assert np.isinf(got).sum() == 2


def test_another_arithmetic_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIBBSLAB_CUDA_CONVOLUTIONS", "fp16")
    with pytest.raises(RuntimeError, match="CONVOLUTIONS must be fp32, tf32 or bf16, got 'fp16'"):
        ours("conv", CASES["1x1"][1], *operands("conv", "1x1"))
