"""Optimisers: gradient descent in its usual forms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .. import _core
from .._validation import as_real
from ..errors import DivergenceError
from ._variable import Parameter

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop"]

SETTINGS = ("rate", "momentum", "decay", "epsilon", "weight_decay")


def _share(value: Any, name: str, op: str) -> float:
    number = as_real(value, name, op)
    if number >= 1:
        raise ValueError(f"[{op}] {name} must be below 1, got {value!r}")
    return number


class Optimizer:
    """What the optimisers have in common: `step`, `zero_grad`, `lr` and their state.

    A step moves every parameter that has a gradient, all of them in one pass. It is refused as a
    whole, and the moving averages begin anew, where a parameter would become infinite or NaN.
    """

    _rule = "sgd"
    _descent: _core.nn.Optimizer
    _names: Sequence[str] = ()  # of the parameters, for messages

    def _begin(self, params: Iterable[Parameter], **numbers: float) -> None:
        self._parameters = list(params)
        for x in self._parameters:
            if not isinstance(x, Parameter):
                raise TypeError(f"[{type(self).__name__}] params must be parameters, got {x!r}")
        settings = _core.nn.DescentSettings()
        for name, value in numbers.items():
            setattr(settings, name, value)
        cores = [x._node for x in self._parameters]
        self._descent = _core.nn.Optimizer(cores, self._rule, settings)

    @property
    def lr(self) -> float:
        """The learning rate; assignable."""
        return self._descent.settings.rate

    @lr.setter
    def lr(self, value: float) -> None:
        settings = self._descent.settings
        settings.rate = as_real(value, "lr", type(self).__name__)
        self._descent.settings = settings

    def step(self) -> None:
        """Move the parameters against their gradients.

        Raises
        ------
        DivergenceError
            If a parameter would become infinite or NaN; all of them are unchanged.
        """
        self._check(self._descent.step(), "step")

    def _check(self, trouble: int, op: str) -> None:
        if trouble < 0:
            return
        shape = self._parameters[trouble].shape
        name = self._names[trouble] if self._names else f"parameter {trouble} of shape {shape}"
        raise DivergenceError(
            f"[{type(self).__name__}.{op}] {name} would become non-finite at learning rate "
            f"{self.lr:g}; all parameters are unchanged",
            tensor=name,
        )

    def zero_grad(self) -> None:
        """Forget the gradients of the parameters."""
        self._descent.clear_gradients()

    def state_dict(self) -> dict[str, Any]:
        """Steps made, and the moving averages of each parameter, as arrays."""
        steps, first, second = self._descent.state()
        return {"steps": steps, "first": first, "second": second}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave, for parameters of the same shapes."""
        self._descent.restore(state["steps"], state["first"], state["second"])

    def __getstate__(self) -> dict[str, Any]:
        numbers = {name: getattr(self._descent.settings, name) for name in SETTINGS}
        return {
            "parameters": self._parameters,
            "rule": self._rule,
            "numbers": numbers,
            "state": self.state_dict(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._rule = state["rule"]
        self._begin(state["parameters"], **state["numbers"])
        self.load_state_dict(state["state"])


class SGD(Optimizer):
    """Gradient descent: v = momentum v + g; w -= lr v.

    Parameters
    ----------
    params : iterable of Parameter
        What to move, as of `Module.parameters`.
    lr : float, default=0.01
        The learning rate, at least 0; not multiplied into v.
    momentum : float, default=0.0
        In [0, 1).
    weight_decay : float, default=0.0
        Added to the gradient, times the weight; at least 0.
    nesterov : bool, default=False
        Move by g + momentum v instead of v (Sutskever et al. 2013).

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.
    """

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 0.01,
        momentum: float = 0.0,
        *,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        self._rule = "nesterov" if nesterov else "sgd"
        self._begin(
            params,
            rate=as_real(lr, "lr", "SGD"),
            momentum=_share(momentum, "momentum", "SGD"),
            weight_decay=as_real(weight_decay, "weight_decay", "SGD"),
        )


class RMSprop(Optimizer):
    """s = alpha s + (1 - alpha) g^2; w -= lr g / (sqrt(s) + eps) (Tieleman and Hinton 2012).

    Parameters
    ----------
    params : iterable of Parameter
        What to move.
    lr : float, default=0.001
        The learning rate, at least 0.
    alpha : float, default=0.9
        In [0, 1).
    eps : float, default=1e-8
        At least 0.
    weight_decay : float, default=0.0
        Added to the gradient, times the weight; at least 0.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.
    """

    _rule = "rmsprop"

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 0.001,
        alpha: float = 0.9,
        eps: float = 1e-8,
        *,
        weight_decay: float = 0.0,
    ) -> None:
        self._begin(
            params,
            rate=as_real(lr, "lr", "RMSprop"),
            decay=_share(alpha, "alpha", "RMSprop"),
            epsilon=as_real(eps, "eps", "RMSprop"),
            weight_decay=as_real(weight_decay, "weight_decay", "RMSprop"),
        )


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015).

    m = beta1 m + (1 - beta1) g;  s = beta2 s + (1 - beta2) g^2;
    w -= lr m / (1 - beta1^t) / (sqrt(s / (1 - beta2^t)) + eps).

    Parameters
    ----------
    params : iterable of Parameter
        What to move.
    lr : float, default=0.001
        The learning rate, at least 0.
    betas : (float, float), default=(0.9, 0.999)
        Each in [0, 1).
    eps : float, default=1e-8
        At least 0.
    weight_decay : float, default=0.0
        Added to the gradient, times the weight; at least 0.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.
    """

    _rule = "adam"

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        weight_decay: float = 0.0,
    ) -> None:
        op = type(self).__name__
        self._begin(
            params,
            rate=as_real(lr, "lr", op),
            momentum=_share(betas[0], "betas", op),
            decay=_share(betas[1], "betas", op),
            epsilon=as_real(eps, "eps", op),
            weight_decay=as_real(weight_decay, "weight_decay", op),
        )


class AdamW(Adam):
    """Adam with decoupled weight decay: w shrinks by lr weight_decay w (Loshchilov, Hutter 2019).

    Parameters and errors are those of `Adam`; `weight_decay` is 0.01 by default.
    """

    _rule = "adamw"

    def __init__(
        self,
        params: Iterable[Parameter],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay=weight_decay)
