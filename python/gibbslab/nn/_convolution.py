"""Layers that convolve images."""

from __future__ import annotations

from typing import Any

from .. import _core
from .._devices import as_device
from .._validation import as_integer, as_seed
from ._images import Images, Pair, as_format, as_pair
from ._init import as_init, initial_weights
from ._module import Module, as_input
from ._normalisation import BatchNorm2d
from ._variable import Parameter, Variable

__all__ = ["Conv2d", "ConvTranspose2d"]


class _Convolution(Module):
    """What convolutions and their transposes have in common."""

    _transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair,
        padding: int | str | Pair,
        bias: bool,
        data_format: str,
        init: str,
        random_state: Any,
        device: str,
    ) -> None:
        op = type(self).__name__
        self.in_channels = as_integer(in_channels, "in_channels", op)
        self.out_channels = as_integer(out_channels, "out_channels", op)
        self.kernel_size = as_pair(kernel_size, "kernel_size", op)
        self.stride = as_pair(stride, "stride", op)
        self.padding = _as_padding(padding, op)
        self.data_format = as_format(data_format, op)
        chosen, where = as_init(init, op), as_device(device, op)
        rows, cols = self.kernel_size
        fans = (rows * cols * self.in_channels, rows * cols * self.out_channels)
        # Of the convolution that this is, or is the transpose of.
        to, given = (self.out_channels, self.in_channels)[:: -1 if self._transposed else 1]
        weight = initial_weights(chosen, (to, rows, cols, given), as_seed(random_state, op), fans)
        self.weight = Parameter(weight, device=where)
        self.bias = Parameter([0.0] * self.out_channels, device=where) if bias else None

    def _side(self, size: int, axis: int) -> tuple[int, int]:
        """The result's size along an axis, and the padding before the first of its image."""
        raise NotImplementedError

    def forward(self, x: Any) -> Variable:
        """The images of x, convolved."""
        return self.activated(x, "identity", 0.0)

    def activated(self, x: Any, function: str, alpha: float) -> Variable:
        """A function of the result as one operation; `Sequential` calls it."""
        given, geometry, (height, width) = self._placed(x)
        core = _core.nn.convolution(
            geometry, given.core, *self._parameters(), self._transposed, function, alpha
        )
        return Images(core, height, width, self.out_channels).variable(self.data_format)

    def normalised(self, x: Any, norm: BatchNorm2d, function: str, alpha: float) -> Variable:
        """A function of the result, normalised, as one operation; `Sequential` calls it."""
        given, geometry, (height, width) = self._placed(x)

        def compute(mean: Any, variance: Any) -> Any:
            return _core.nn.conv_norm(
                geometry, given.core, *self._parameters(), mean, variance, *norm._parameters(),
                self._transposed, norm.eps, function, alpha,
            )  # fmt: skip

        core = norm._with_moments(given.n * height * width, compute)
        return Images(core, height, width, self.out_channels).variable(self.data_format)

    def _parameters(self) -> tuple[_core.nn.Variable, _core.nn.Variable | None]:
        return self.weight._node, None if self.bias is None else self.bias._node

    def _placed(self, x: Any) -> tuple[Images, _core.nn.ConvGeometry, Pair]:
        """The images of x, where they go, and the size of what becomes of them."""
        op = type(self).__name__
        given = Images.of(as_input(x, self, self.weight), self.data_format, op, self.in_channels)
        (height, top), (width, left) = self._side(given.height, 0), self._side(given.width, 1)
        if min(height, width) < 1:
            raise ValueError(
                f"[{op}] x must have images large enough for the kernel {self.kernel_size}, got "
                f"{given.height} x {given.width}"
            )
        before = (given.height, given.width, self.in_channels)
        after = (height, width, self.out_channels)
        image, out = (after, before) if self._transposed else (before, after)
        geometry = _core.nn.ConvGeometry(image, out, self.kernel_size, self.stride, (top, left))
        return given, geometry, (height, width)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.in_channels}, {self.out_channels}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding!r})"
        )


def _as_padding(padding: Any, op: str) -> str | Pair:
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"[{op}] padding must be 'same', 'valid' or integers, got {padding!r}")
        return "same" if padding == "same" else (0, 0)
    return as_pair(padding, "padding", op, minimum=0)


class Conv2d(_Convolution):
    """A convolution of images (the cross-correlation, as everywhere in deep learning).

    y[n, p, q, o] = b[o] + sum over i, j, c of
    weight[o, i, j, c] x[n, p stride - top + i, q stride - left + j, c], zeros lying around x.

    Parameters
    ----------
    in_channels, out_channels : int
        Of x and y, at least 1.
    kernel_size : int or (int, int)
        Rows and columns of the kernel, at least 1.
    stride : int or (int, int), default=1
        Pixels of x between neighbours of y, at least 1.
    padding : int, (int, int), "same" or "valid", default=0
        Zeros on every side. "valid" is 0. "same" gives ceil(size / stride) pixels, with the zeros
        that this takes divided in two, the odd one after the image, as Keras does.
    bias : bool, default=True
        Whether there is a b.
    data_format : {"NHWC", "NCHW"}, default="NHWC"
        The order of batch, height, width and channels in x and y. Inside it is always NHWC.
    init : {"glorot", "he", "normal"}, default="glorot"
        How the weights start: uniform in +-sqrt(6 / (in + out)) (Glorot and Bengio 2010),
        Normal(0, 2 / in) (He et al. 2015), with in and out the channels times the kernel's
        elements, or Normal(0, 0.02^2). b starts as 0.
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same weights.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.

    Attributes
    ----------
    weight : Parameter of shape (out_channels, kernel rows, kernel columns, in_channels)
    bias : Parameter of shape (out_channels,), or None

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import nn
    >>> layer = nn.Conv2d(1, 8, kernel_size=5, stride=2, padding="same", random_state=0)
    >>> layer(np.zeros((3, 28, 28, 1))).shape
    (3, 14, 14, 8)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | str | Pair = 0,
        bias: bool = True,
        *,
        data_format: str = "NHWC",
        init: str = "glorot",
        random_state: Any = None,
        device: str = "auto",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, bias,
                         data_format, init, random_state, device)  # fmt: skip

    def _side(self, size: int, axis: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[axis], self.stride[axis]
        if isinstance(self.padding, str):
            out = -(-size // stride)
            return out, max((out - 1) * stride + kernel - size, 0) // 2
        padding = self.padding[axis]
        return (size + 2 * padding - kernel) // stride + 1, padding


class ConvTranspose2d(_Convolution):
    """A transposed convolution: the gradient of a `Conv2d` by its input, as a layer.

    It takes images of the size that the convolution gives to those that it takes. Where the stride
    leaves open which size that was, `output_padding` rows and columns are added at the end.

    Parameters
    ----------
    in_channels, out_channels : int
        Of x and y, at least 1.
    kernel_size : int or (int, int)
        Rows and columns of the kernel, at least 1.
    stride : int or (int, int), default=1
        Pixels of y between the places of neighbours of x, at least 1.
    padding : int, (int, int), "same" or "valid", default=0
        Of the convolution: y has (size - 1) stride - 2 padding + kernel + output_padding pixels
        along each side. "valid" is 0. "same" gives size * stride, as Keras does.
    output_padding : int or (int, int), default=0
        Below the stride; 0 with "same".
    bias : bool, default=True
        Whether there is a b.
    data_format : {"NHWC", "NCHW"}, default="NHWC"
        The order of batch, height, width and channels in x and y. Inside it is always NHWC.
    init : {"glorot", "he", "normal"}, default="glorot"
        How the weights start, as in `Conv2d`. b starts as 0.
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same weights.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.

    Attributes
    ----------
    weight : Parameter of shape (in_channels, kernel rows, kernel columns, out_channels)
    bias : Parameter of shape (out_channels,), or None

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import nn
    >>> layer = nn.ConvTranspose2d(8, 1, kernel_size=5, stride=2, padding="same", random_state=0)
    >>> layer(np.zeros((3, 14, 14, 8))).shape
    (3, 28, 28, 1)
    """

    _transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | str | Pair = 0,
        output_padding: int | Pair = 0,
        bias: bool = True,
        *,
        data_format: str = "NHWC",
        init: str = "glorot",
        random_state: Any = None,
        device: str = "auto",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, bias,
                         data_format, init, random_state, device)  # fmt: skip
        op = type(self).__name__
        self.output_padding = as_pair(output_padding, "output_padding", op, minimum=0)
        limit = (1, 1) if self.padding == "same" else self.stride
        if any(added >= most for added, most in zip(self.output_padding, limit)):
            raise ValueError(
                f"[{op}] output_padding must be below the stride, and 0 with padding 'same', got "
                f"{output_padding!r}"
            )

    def _side(self, size: int, axis: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[axis], self.stride[axis]
        if isinstance(self.padding, str):
            return size * stride, max(kernel - stride, 0) // 2
        padding, added = self.padding[axis], self.output_padding[axis]
        return (size - 1) * stride - 2 * padding + kernel + added, padding
