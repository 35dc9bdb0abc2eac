"""Convolutions that batches of small images have by their frequencies."""

from __future__ import annotations

import numpy as np
import pytest
from on_device import core, sized
from reference_conv import Geometry, geometry
from test_conv import PRODUCTS

# Sides that repeat after odd and even numbers of pixels, strides of one and of both; samples and
# channels beside the edges of what is multiplied, and of what is mapped, together.
CASES = {
    "odd": (33, geometry((7, 5), (32, 48), (5, 5), (1, 1), 2)),
    "even": (57, geometry((6, 5), (48, 16), (5, 4), (1, 1), 2)),
    "strides": (35, Geometry((11, 9, 48), (6, 3, 64), (7, 7), (2, 3), (2, 3))),
    "one stride": (33, Geometry((8, 9, 32), (8, 5, 48), (5, 5), (1, 2), (2, 2))),
    "no padding": (9, geometry((9, 8), (32, 64), (4, 5))),
    "blocks of samples": (129, geometry((4, 4), (32, 64), (3, 3), (1, 1), 1)),
}  # fmt: skip
# Of the greatest error, in units of the result's root mean square. Sums of 3200 products of float32
# differ from those of float64 by 4e-6 of it where they are made one by one, by 2e-6 where by
# frequencies.
LIMIT = 1e-5


def small(n: int, g: Geometry) -> tuple[int, Geometry]:
    """Fewer samples and channels."""
    return min(n, 2), g._replace(image=(*g.image[:2], 2), out=(*g.out[:2], 3))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name: str, case: str) -> None:
    """Those of NumPy, and the same bits with every number of threads."""
    _, reference, shapes = PRODUCTS[name]
    n, g = sized(CASES[case], small(*CASES[case]))
    rng = np.random.default_rng(n)
    operands = [rng.normal(size=s).astype(np.float32) for s in shapes(g, n)]
    exact = reference(g, *(x.astype(np.float64) for x in operands))
    found = []
    for threads in (1, 2):
        a, b = (core.nn.Variable(x, False, threads, core.device) for x in operands)
        found.append(PRODUCTS[name][0](g, a, b).to_numpy())
    np.testing.assert_array_equal(*found)
    size = np.sqrt((exact**2).mean())
    assert np.abs(found[0] - exact).max() <= LIMIT * size
