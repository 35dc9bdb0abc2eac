"""The parameters that estimators have in common, checked and resolved once per call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._devices import as_device
from .._validation import as_integer, as_real, as_threads
from .schedules import Schedule, value_at

__all__ = [
    "LoopSettings",
    "as_choice",
    "as_flag",
    "as_fraction",
    "as_positive_or_none",
    "as_rate",
    "loop_settings",
]


@dataclass(frozen=True)
class LoopSettings:
    """What the training loop works with, whatever the model."""

    batch_size: int
    n_iter: int
    learning_rate: Schedule
    momentum: Schedule
    options: dict[str, Any]  # of the core's trainer, but the momentum
    shuffle: bool
    validation_fraction: float
    device: str
    n_threads: int

    def rate_at(self, epoch: int, op: str) -> float:
        """Learning rate of an epoch."""
        return value_at(self.learning_rate, epoch, "learning_rate", op)

    def momentum_at(self, epoch: int, op: str) -> float:
        """Momentum of an epoch, in [0, 1)."""
        momentum = value_at(self.momentum, epoch, "momentum", op)
        if momentum >= 1:
            raise ValueError(f"[{op}] momentum must be in [0, 1), got {momentum!r}")
        return momentum


def as_choice(value: Any, name: str, op: str, choices: tuple[str, ...]) -> str:
    """One of the strings."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"[{op}] {name} must be one of {choices}, got {value!r}")
    return value


def as_flag(value: Any, name: str, op: str) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"[{op}] {name} must be True or False, got {value!r}")
    return bool(value)


def as_fraction(value: Any, name: str, op: str) -> float:
    """A number in [0, 1)."""
    fraction = as_real(value, name, op)
    if fraction >= 1:
        raise ValueError(f"[{op}] {name} must be in [0, 1), got {value!r}")
    return fraction


def as_positive_or_none(value: Any, name: str, op: str) -> float:
    """The number, or 0 for None."""
    if value is None:
        return 0.0
    if as_real(value, name, op) == 0:
        raise ValueError(f"[{op}] {name} must be above 0, or None, got {value!r}")
    return float(value)


def as_rate(value: Any, name: str, op: str) -> Schedule:
    """A learning rate: a number above 0, or a schedule."""
    if not callable(value) and as_real(value, name, op) == 0:
        raise ValueError(f"[{op}] {name} must be above 0, got {value!r}")
    rate: Schedule = value
    return rate


def loop_settings(estimator: Any, op: str) -> dict[str, Any]:
    """The fields of `LoopSettings` but `options`; `TypeError` or `ValueError` names a wrong one."""
    e = estimator
    as_flag(e.warm_start, "warm_start", op)
    as_integer(int(e.verbose), "verbose", op, minimum=0)
    out = {
        "batch_size": as_integer(e.batch_size, "batch_size", op),
        "n_iter": as_integer(e.n_iter, "n_iter", op, minimum=0),
        "learning_rate": as_rate(e.learning_rate, "learning_rate", op),
        "momentum": e.momentum,
        "shuffle": as_flag(e.shuffle, "shuffle", op),
        "validation_fraction": as_fraction(e.validation_fraction, "validation_fraction", op),
        "device": as_device(e.device, op),
        "n_threads": as_threads(e.n_threads, op),
    }
    loop = LoopSettings(**out, options={})
    loop.rate_at(0, op)
    loop.momentum_at(0, op)
    return out
