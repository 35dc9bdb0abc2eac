"""Enlarged images: NumPy, derivatives of both directions, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import reference_conv
from derivatives import assert_derivatives, variable
from on_device import core

CASES = [((1, 1, 1), (3, 2)), ((3, 2, 2), (2, 2)), ((2, 4, 1), (1, 3)), ((4, 3, 3), (4, 1))]


@pytest.mark.parametrize("bilinear", [False, True])
@pytest.mark.parametrize(("image", "factor"), CASES)
def test_both_directions(image: tuple, factor: tuple, bilinear: bool) -> None:
    size, larger = int(np.prod(image)), int(np.prod(image) * np.prod(factor))
    assert_derivatives(
        lambda x: core.nn.upsample(x, image, factor, bilinear),
        lambda x: reference_conv.upsample(x, image, factor, bilinear),
        [(2, size)],
    )
    assert_derivatives(
        lambda y: core.nn.upsample(y, image, factor, bilinear, transposed=True),
        lambda y: reference_conv.upsample_transposed(y, image, factor, bilinear),
        [(1, larger)],
    )


def test_constant_images_stay_constant() -> None:
    """Shares sum to one at every pixel, and bit for bit where they are exact."""
    for factor in ((2, 4), (3, 5)):
        y = core.nn.upsample(variable(np.full((2, 12), 1.0)), (3, 4, 1), factor, True)
        np.testing.assert_allclose(y.to_numpy(), 1.0, rtol=2e-7)


BAD = [
    (lambda nn, x: nn.upsample(x, (3, 3, 1), (2, 2), False), r"\[upsample\] x must have shape"),
    (lambda nn, x: nn.upsample(x, (3, 4, 1), (2, 2), True, True), r"\[upsample_transposed\] y"),
    (lambda nn, x: nn.upsample(x, (3, 4, 1), (0, 2), True), "factors must be in 1 "),
    (lambda nn, x: nn.upsample(x, (3, 0, 1), (2, 2), True), "sizes must be in 1 "),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_refusals(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(core.nn, variable(np.ones((2, 12))))
