"""Values that change from epoch to epoch: learning rates and momenta.

A schedule is a function of the absolute epoch, counted from 0 over all calls of ``fit``, and of
nothing else, so that training in two parts equals training in one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from .._validation import as_integer, as_real

__all__ = ["Exponential", "Inverse", "Linear", "Schedule", "Steps"]


@dataclass(frozen=True)
class Linear:
    """A straight line from `start` in epoch 0 to `end` in epoch ``n_epochs - 1``, then `end`.

    Parameters
    ----------
    start, end : float
        Values, at least 0.
    n_epochs : int
        Length of the line, at least 1. It is fixed here, not taken from ``n_iter``, so that
        going on with ``warm_start`` does not bend it.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.

    Examples
    --------
    >>> from gibbslab.estimators import Linear
    >>> [Linear(0.5, 0.1, 3)(epoch) for epoch in range(4)]
    [0.5, 0.3, 0.1, 0.1]
    """

    start: float
    end: float
    n_epochs: int

    def __post_init__(self) -> None:
        as_real(self.start, "start", "Linear")
        as_real(self.end, "end", "Linear")
        as_integer(self.n_epochs, "n_epochs", "Linear")

    def __call__(self, epoch: int) -> float:
        if epoch >= self.n_epochs - 1:
            return self.end
        return self.start + (self.end - self.start) * epoch / (self.n_epochs - 1)


@dataclass(frozen=True)
class Exponential:
    """``start * decay ** epoch``.

    Parameters
    ----------
    start : float
        Value in epoch 0, at least 0.
    decay : float
        Factor from one epoch to the next, in (0, 1].

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.
    """

    start: float
    decay: float

    def __post_init__(self) -> None:
        as_real(self.start, "start", "Exponential")
        if not 0 < as_real(self.decay, "decay", "Exponential") <= 1:
            raise ValueError(f"[Exponential] decay must be in (0, 1], got {self.decay!r}")

    def __call__(self, epoch: int) -> float:
        return self.start * self.decay**epoch


@dataclass(frozen=True)
class Inverse:
    """``start / (1 + rate * epoch)``, the decay of stochastic approximation.

    Parameters
    ----------
    start : float
        Value in epoch 0, at least 0.
    rate : float
        How fast it falls, at least 0: after ``1 / rate`` epochs half is left.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.
    """

    start: float
    rate: float

    def __post_init__(self) -> None:
        as_real(self.start, "start", "Inverse")
        as_real(self.rate, "rate", "Inverse")

    def __call__(self, epoch: int) -> float:
        return self.start / (1.0 + self.rate * epoch)


@dataclass(frozen=True)
class Steps:
    """``values[i]`` from epoch ``epochs[i - 1]`` on; ``Steps((0.5, 0.9), (5,))`` for a momentum.

    Parameters
    ----------
    values : tuple of float
        The values, at least 0, one more than `epochs`.
    epochs : tuple of int
        Epochs at which the next value starts to hold, strictly rising, at least 1.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, length or value.
    """

    values: tuple[float, ...]
    epochs: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        object.__setattr__(self, "epochs", tuple(self.epochs))
        if len(self.values) != len(self.epochs) + 1:
            raise ValueError(
                f"[Steps] values must be one more than epochs, {len(self.epochs) + 1}, "
                f"got {len(self.values)}"
            )
        for value in self.values:
            as_real(value, "values", "Steps")
        for before, epoch in zip((0, *self.epochs), self.epochs):
            as_integer(epoch, "epochs", "Steps", minimum=before + 1)

    def __call__(self, epoch: int) -> float:
        return self.values[sum(epoch >= first for first in self.epochs)]


Schedule = float | Linear | Exponential | Inverse | Steps | Callable[[int], float]

_NAMES: dict[str, type[Any]] = {
    "linear": Linear,
    "exponential": Exponential,
    "inverse": Inverse,
    "steps": Steps,
}


def value_at(schedule: Schedule, epoch: int, name: str, op: str) -> float:
    """The value of a number, schedule or function in an epoch, checked."""
    if callable(schedule):
        return as_real(schedule(epoch), f"{name} in epoch {epoch}", op)
    return as_real(schedule, name, op)


def to_json(schedule: Schedule) -> float | dict[str, Any]:
    """A number as it is, a schedule as its name and arguments; `TypeError` for a function."""
    for name, kind in _NAMES.items():
        if isinstance(schedule, kind):
            return {"schedule": name, **asdict(schedule)}
    if callable(schedule):
        raise TypeError("a function cannot be stored; use a schedule of gibbslab.estimators")
    return float(schedule)


def from_json(value: Any) -> Schedule:
    """The inverse of `to_json`; `TypeError` or `ValueError` for anything else."""
    if not isinstance(value, dict):
        return as_real(value, "value", "schedule")
    arguments = dict(value)
    kind = _NAMES.get(str(arguments.pop("schedule", None)))
    if kind is None:
        raise ValueError(f"[schedule] schedule must be one of {sorted(_NAMES)}")
    return kind(**arguments)
