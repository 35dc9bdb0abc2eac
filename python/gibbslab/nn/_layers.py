"""Layers."""

from __future__ import annotations

import math
from typing import Any

from .. import _core
from .._devices import as_device
from .._validation import as_integer, as_real, as_seed
from ._functional import activated
from ._init import as_init, initial_weights
from ._module import Module, as_input
from ._variable import Parameter, Variable, as_variable

__all__ = [
    "ELU",
    "Activation",
    "Dropout",
    "Flatten",
    "Identity",
    "LeakyReLU",
    "Linear",
    "ReLU",
    "Reshape",
    "Sigmoid",
    "Softplus",
    "Tanh",
]


class Linear(Module):
    """A fully connected layer, y = x W^T + b.

    Parameters
    ----------
    in_features, out_features : int
        Sizes of x and y, at least 1.
    bias : bool, default=True
        Whether there is a b.
    init : {"glorot", "he", "normal"}, default="glorot"
        How W starts: uniform in +-sqrt(6 / (in + out)) (Glorot and Bengio 2010), Normal(0, 2 / in)
        (He et al. 2015), or Normal(0, 0.02^2). b starts as 0.
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same weights.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.

    Attributes
    ----------
    weight : Parameter of shape (out_features, in_features)
    bias : Parameter of shape (out_features,), or None

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        init: str = "glorot",
        random_state: Any = None,
        device: str = "auto",
    ) -> None:
        self.in_features = as_integer(in_features, "in_features", "Linear")
        self.out_features = as_integer(out_features, "out_features", "Linear")
        chosen, where = as_init(init, "Linear"), as_device(device, "Linear")
        shape = (self.out_features, self.in_features)
        seed = as_seed(random_state, "Linear")
        self.weight = Parameter(initial_weights(chosen, shape, seed), device=where)
        self.bias = Parameter([0.0] * self.out_features, device=where) if bias else None

    def forward(self, x: Any) -> Variable:
        """y (n, out_features) of x (n, in_features)."""
        return self.activated(x, "identity", 0.0)

    def activated(self, x: Any, function: str, alpha: float) -> Variable:
        """f(x W^T + b) as one operation; `Sequential` calls it where an activation follows."""
        given = as_input(x, self, self.weight)
        if given.ndim != 2 or given.shape[1] != self.in_features:
            raise ValueError(
                f"[Linear] x must have shape (n, {self.in_features}), got {given.shape}"
            )
        bias = None if self.bias is None else self.bias._node
        core = _core.nn.dense(given._node, self.weight._node, bias, function, alpha)
        return Variable._of(core, (given.shape[0], self.out_features))

    def __repr__(self) -> str:
        return f"Linear({self.in_features}, {self.out_features})"


class Activation(Module):
    """A function of each element; the base of the layers that are one."""

    function = "identity"
    alpha = 0.0

    def forward(self, x: Any) -> Variable:
        """The function of each element."""
        return activated(x, self.function, self.alpha)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.alpha:g})" if self.alpha else f"{type(self).__name__}()"
        )


class Identity(Activation):
    """x itself."""


class Softplus(Activation):
    """log(1 + exp(x))."""

    function = "softplus"


class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    function = "sigmoid"


class Tanh(Activation):
    """The hyperbolic tangent."""

    function = "tanh"


class ReLU(Activation):
    """max(x, 0)."""

    function = "leaky_relu"


class LeakyReLU(Activation):
    """x where it is positive, else negative_slope x (Maas et al. 2013); the slope at least 0."""

    function = "leaky_relu"

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.alpha = as_real(negative_slope, "negative_slope", "LeakyReLU")


class ELU(Activation):
    """x where it is positive, else alpha (exp(x) - 1) (Clevert et al. 2016); alpha at least 0."""

    function = "elu"

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = as_real(alpha, "alpha", "ELU")


class Dropout(Module):
    """While training, zeros in place of a share `p` of the elements; the others times 1 / (1 - p).

    Srivastava et al. 2014. In `eval` mode, x itself.

    Parameters
    ----------
    p : float, default=0.5
        In [0, 1).
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same draws, whatever the device and number of threads.

    Attributes
    ----------
    seed, draws : int
        The whole random state: key of the stream and position in it.
    """

    def __init__(self, p: float = 0.5, *, random_state: Any = None) -> None:
        self.p = as_real(p, "p", "Dropout")
        if self.p >= 1:
            raise ValueError(f"[Dropout] p must be below 1, got {p!r}")
        self.seed = as_seed(random_state, "Dropout")
        self.draws = 0

    def forward(self, x: Any) -> Variable:
        """x with the share `p` of its elements drawn out, in training; else x."""
        given = as_variable(x, Variable(0.0), "Dropout")
        if not self.training or self.p == 0:
            return given
        self.draws += 1
        core = _core.nn.dropout(given._node, self.p, self.seed, self.draws - 1)
        return Variable._of(core, given.shape)

    def __repr__(self) -> str:
        return f"Dropout({self.p:g})"


class Flatten(Module):
    """(n, ...) as (n, the product of the rest)."""

    def forward(self, x: Any) -> Variable:
        """A matrix of the same samples."""
        given = as_variable(x, Variable(0.0), "Flatten")
        if given.ndim < 2:
            raise ValueError(f"[Flatten] x must have shape (n, ...), got {given.shape}")
        return given.reshape(given.shape[0], math.prod(given.shape[1:]))


class Reshape(Module):
    """(n, ...) as (n, *shape).

    Parameters
    ----------
    *shape : int
        Of one sample; one size may be -1.
    """

    def __init__(self, *shape: int) -> None:
        self.shape = tuple(as_integer(n, "shape", "Reshape", minimum=-1) for n in shape)

    def forward(self, x: Any) -> Variable:
        """The samples in their new shape."""
        given = as_variable(x, Variable(0.0), "Reshape")
        if given.ndim < 1:
            raise ValueError(f"[Reshape] x must have shape (n, ...), got {given.shape}")
        return given.reshape(given.shape[0], *self.shape)

    def __repr__(self) -> str:
        return f"Reshape{self.shape}"
