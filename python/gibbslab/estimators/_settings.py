"""The estimator's parameters, checked and resolved, once per call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._devices import as_device
from .._validation import as_integer, as_real, as_threads
from .schedules import Schedule, value_at

__all__ = ["Settings", "resolve"]


@dataclass(frozen=True)
class Settings:
    """What one call of ``fit`` or ``partial_fit`` works with."""

    n_components: int
    batch_size: int
    n_iter: int
    learning_rate: Schedule
    momentum: Schedule
    options: dict[str, Any]  # of _core.TrainOptions, but the momentum
    data_bias: bool
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


def _choice(value: Any, name: str, op: str, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"[{op}] {name} must be one of {choices}, got {value!r}")
    return value


def _flag(value: Any, name: str, op: str) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"[{op}] {name} must be True or False, got {value!r}")
    return bool(value)


def _fraction(value: Any, name: str, op: str) -> float:
    fraction = as_real(value, name, op)
    if fraction >= 1:
        raise ValueError(f"[{op}] {name} must be in [0, 1), got {value!r}")
    return fraction


def _positive_or_none(value: Any, name: str, op: str) -> float:
    """The number, or 0 for None."""
    if value is None:
        return 0.0
    if as_real(value, name, op) == 0:
        raise ValueError(f"[{op}] {name} must be above 0, or None, got {value!r}")
    return float(value)


def _options(estimator: Any, op: str) -> dict[str, Any]:
    e = estimator
    chains = e.batch_size if e.n_chains is None else e.n_chains
    target = _positive_or_none(e.sparsity_target, "sparsity_target", op)
    if target >= 1:
        raise ValueError(f"[{op}] sparsity_target must be in (0, 1), got {e.sparsity_target!r}")
    cost = as_real(e.sparsity_cost, "sparsity_cost", op)
    persistent = _choice(e.method, "method", op, ("pcd", "cd")) == "pcd"
    statistics = _choice(e.statistics, "statistics", op, ("mean", "sample"))
    return {
        "persistent": persistent,
        "k": as_integer(e.k, "k", op),
        "n_chains": as_integer(chains, "n_chains", op),
        "l1": as_real(e.l1, "l1", op),
        "l2": as_real(e.l2, "l2", op),
        "max_norm": _positive_or_none(e.max_norm, "max_norm", op),
        "centered": _flag(e.centered, "centered", op),
        "sparsity_target": target,
        "sparsity_cost": cost if target else 0.0,
        "sample_input": _flag(e.sample_input, "sample_input", op),
        "hidden_samples": statistics == "sample",
    }


def _checked_rate(estimator: Any, op: str) -> Schedule:
    rate: Schedule = estimator.learning_rate
    if not callable(rate) and as_real(rate, "learning_rate", op) == 0:
        raise ValueError(f"[{op}] learning_rate must be above 0, got {rate!r}")
    return rate


def resolve(estimator: Any, op: str) -> Settings:
    """Check every parameter of the estimator; `TypeError` or `ValueError` names a wrong one."""
    e = estimator
    _flag(e.warm_start, "warm_start", op)
    as_integer(int(e.verbose), "verbose", op, minimum=0)
    bias = _choice(e.init_visible_bias, "init_visible_bias", op, ("zeros", "data"))
    settings = Settings(
        n_components=as_integer(e.n_components, "n_components", op),
        batch_size=as_integer(e.batch_size, "batch_size", op),
        n_iter=as_integer(e.n_iter, "n_iter", op, minimum=0),
        learning_rate=_checked_rate(e, op),
        momentum=e.momentum,
        options=_options(e, op),
        data_bias=bias == "data",
        shuffle=_flag(e.shuffle, "shuffle", op),
        validation_fraction=_fraction(e.validation_fraction, "validation_fraction", op),
        device=as_device(e.device, op),
        n_threads=as_threads(e.n_threads, op),
    )
    settings.rate_at(0, op)
    settings.momentum_at(0, op)
    return settings
