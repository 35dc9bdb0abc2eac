"""The parameters that estimators of networks have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import nn
from .._validation import as_real, as_threads
from ._settings import as_choice

__all__ = ["OPTIMIZERS", "descent_options", "new_optimizer"]

OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd", "nesterov")


def descent_options(estimator: Any, op: str) -> dict[str, Any]:
    """The options of the trainer that say how it descends."""
    e = estimator
    return {
        "optimizer": as_choice(e.optimizer, "optimizer", op, OPTIMIZERS),
        "weight_decay": as_real(e.weight_decay, "weight_decay", op),
        "n_threads": as_threads(e.n_threads, op),
    }


def new_optimizer(parameters: Iterable[nn.Parameter], options: dict[str, Any]) -> nn.Optimizer:
    """An optimiser whose rate and momentum are still to be set."""
    rule, decay = options["optimizer"], options["weight_decay"]
    if rule in ("sgd", "nesterov"):
        return nn.SGD(parameters, weight_decay=decay, nesterov=rule == "nesterov")
    if rule == "rmsprop":
        return nn.RMSprop(parameters, weight_decay=decay)
    return (nn.AdamW if rule == "adamw" else nn.Adam)(parameters, weight_decay=decay)
