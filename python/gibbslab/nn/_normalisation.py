"""Batch normalisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _core
from .._devices import as_device
from .._validation import as_integer, as_real
from ._images import Images, as_format
from ._module import Module, as_input
from ._variable import Buffer, Parameter, Variable

__all__ = ["BatchNorm1d", "BatchNorm2d"]


class _BatchNorm(Module):
    """What batch normalisation has in common for units and for channels of images."""

    def __init__(
        self, num_features: int, eps: float, momentum: float, affine: bool, device: str
    ) -> None:
        op = type(self).__name__
        self.num_features = as_integer(num_features, "num_features", op)
        self.eps = as_real(eps, "eps", op)
        self.momentum = as_real(momentum, "momentum", op)
        if self.momentum > 1:
            raise ValueError(f"[{op}] momentum must be at most 1, got {momentum!r}")
        where = as_device(device, op)
        ones, zeros = [1.0] * self.num_features, [0.0] * self.num_features
        self.weight = Parameter(ones, device=where) if affine else None
        self.bias = Parameter(zeros, device=where) if affine else None
        self.running_mean = Buffer(zeros, device=where)
        self.running_var = Buffer(ones, device=where)

    def _normalised(
        self, core: _core.nn.Variable, count: int, function: str, alpha: float
    ) -> _core.nn.Variable:
        """The batch with `count` values of each channel, normalised and activated."""

        def compute(mean: Any, variance: Any) -> Any:
            if mean is None:
                mean, variance = _core.nn.channel_moments(core, self.num_features)
            out = _core.nn.batch_norm(
                core, mean, variance, *self._parameters(), self.training, self.eps, function, alpha
            )
            return out, mean, variance

        return self._with_moments(count, compute)

    def _parameters(self) -> tuple[_core.nn.Variable | None, _core.nn.Variable | None]:
        gamma, beta = (None if x is None else x._node for x in (self.weight, self.bias))
        return gamma, beta

    def _with_moments(self, count: int, compute: Callable[..., Any]) -> _core.nn.Variable:
        """What `compute` makes of the running moments, or, in training, of None twice.

        It gives the moments that it normalised with too; the running ones follow those.
        """
        if not self.training:
            out: _core.nn.Variable = compute(self.running_mean._node, self.running_var._node)[0]
            return out
        if count < 2:
            raise ValueError(
                f"[{type(self).__name__}] x must have more than one value for each channel "
                "in training"
            )
        out, mean, variance = compute(None, None)
        self._follow(self.running_mean, mean, 1.0)
        self._follow(self.running_var, variance, count / (count - 1))
        return out

    def _follow(self, running: Buffer, now: _core.nn.Variable, scale: float) -> None:
        before = _core.nn.affine(running._node, 1 - self.momentum)
        step = _core.nn.affine(now, self.momentum * scale)
        running._node = _core.nn.combine("add", before, step)

    def forward(self, x: Any) -> Variable:
        """x, normalised; in training `running_mean` and `running_var` move too."""
        return self.activated(x, "identity", 0.0)

    def activated(self, x: Any, function: str, alpha: float) -> Variable:
        """A function of the result as one operation; `Sequential` calls it."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_features})"


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of units (Ioffe and Szegedy 2015).

    y = weight (x - mean) / sqrt(variance + eps) + bias, unit by unit. In training mean and variance
    are those of the batch, and the running ones follow them; in `eval` mode they are the running
    ones.

    Parameters
    ----------
    num_features : int
        Units, at least 1.
    eps : float, default=1e-5
        Added to the variance; at least 0.
    momentum : float, default=0.1
        In [0, 1]; running = (1 - momentum) running + momentum (that of the batch), where the
        variance of the batch is divided by n - 1.
    affine : bool, default=True
        Whether there are weight and bias.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.

    Attributes
    ----------
    weight, bias : Parameter of shape (num_features,), or None
        Ones and zeros at first.
    running_mean, running_var : Buffer of shape (num_features,)
        Zeros and ones at first; part of `state_dict`.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value; in training, if the batch is a single sample.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import nn
    >>> layer = nn.BatchNorm1d(2, device="cpu")
    >>> layer(np.array([[1.0, 10.0], [3.0, 10.0]])).numpy().round(3)
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    >>> layer.running_mean.numpy()
    array([0.2, 1. ], dtype=float32)
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        *,
        device: str = "auto",
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, device)

    def activated(self, x: Any, function: str, alpha: float) -> Variable:
        """A function of the result as one operation; `Sequential` calls it."""
        given = as_input(x, self, self.running_mean)
        if given.ndim != 2 or given.shape[1] != self.num_features:
            raise ValueError(
                f"[BatchNorm1d] x must have shape (n, {self.num_features}), got {given.shape}"
            )
        core = self._normalised(given._node, given.shape[0], function, alpha)
        return Variable._of(core, given.shape)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of the channels of images, over the batch and all pixels.

    Parameters
    ----------
    num_features : int
        Channels, at least 1.
    eps, momentum, affine, device
        As in `BatchNorm1d`, n being the number of pixels of the batch.
    data_format : {"NHWC", "NCHW"}, default="NHWC"
        The order of batch, height, width and channels in x and y. Inside it is always NHWC.

    Attributes
    ----------
    weight, bias, running_mean, running_var
        As in `BatchNorm1d`.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value; in training, if the batch is a single pixel.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        *,
        data_format: str = "NHWC",
        device: str = "auto",
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, device)
        self.data_format = as_format(data_format, "BatchNorm2d")

    def activated(self, x: Any, function: str, alpha: float) -> Variable:
        """A function of the result as one operation; `Sequential` calls it."""
        given = as_input(x, self, self.running_mean)
        images = Images.of(given, self.data_format, "BatchNorm2d", self.num_features)
        count = images.n * images.height * images.width
        images.core = self._normalised(images.core, count, function, alpha)
        return images.variable(self.data_format)
