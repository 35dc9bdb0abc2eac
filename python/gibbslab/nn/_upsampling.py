"""Layers that enlarge images."""

from __future__ import annotations

from typing import Any

from .. import _core
from ._images import Images, Pair, as_format, as_pair
from ._module import Module
from ._variable import Variable, as_variable

__all__ = ["Upsample"]

MODES = ("nearest", "bilinear")


class Upsample(Module):
    """Images enlarged by whole factors.

    Parameters
    ----------
    scale_factor : int or (int, int), default=2
        Of rows and columns, at least 1.
    mode : {"nearest", "bilinear"}, default="nearest"
        Repeat each pixel; or interpolate between the pixels' centres, which lie at half-integers,
        the border's pixels repeated outwards (torch's ``align_corners=False``, Keras's bilinear).
    data_format : {"NHWC", "NCHW"}, default="NHWC"
        The order of batch, height, width and channels. Inside it is always NHWC.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import nn
    >>> x = np.array([0.0, 1.0]).reshape(1, 1, 2, 1)
    >>> nn.Upsample((1, 2), mode="bilinear")(x).numpy().ravel()
    array([0.  , 0.25, 0.75, 1.  ], dtype=float32)
    """

    def __init__(
        self, scale_factor: int | Pair = 2, mode: str = "nearest", *, data_format: str = "NHWC"
    ) -> None:
        self.scale_factor = as_pair(scale_factor, "scale_factor", "Upsample")
        if mode not in MODES:
            raise ValueError(f"[Upsample] mode must be one of {list(MODES)}, got {mode!r}")
        self.mode = mode
        self.data_format = as_format(data_format, "Upsample")

    def forward(self, x: Any) -> Variable:
        """The images of x, enlarged."""
        given = as_variable(x, Variable(0.0), "Upsample")
        images = Images.of(given, self.data_format, "Upsample")
        sizes = (images.height, images.width, images.channels)
        core = _core.nn.upsample(images.core, sizes, self.scale_factor, self.mode == "bilinear")
        rows, cols = self.scale_factor
        larger = Images(core, rows * images.height, cols * images.width, images.channels)
        return larger.variable(self.data_format)

    def __repr__(self) -> str:
        return f"Upsample({self.scale_factor}, mode={self.mode!r})"
