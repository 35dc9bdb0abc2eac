"""The parameters of the deep belief network, checked and resolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._validation import as_integer, as_real
from ._settings import LoopSettings, as_choice, as_flag, as_rate, loop_settings
from .schedules import Schedule, value_at

__all__ = ["DBNSettings", "resolve_dbn"]


@dataclass(frozen=True)
class DBNSettings(LoopSettings):
    """What one call of ``fit`` works with; options of all stages."""

    hidden_layer_sizes: tuple[int, ...]
    fine_tune_iter: int
    fine_tune_rate: Schedule
    data_bias: bool

    @property
    def last_epoch(self) -> int:
        """Epochs of all stages together."""
        return self.n_iter * len(self.hidden_layer_sizes) + self.fine_tune_iter

    def stage_of(self, epoch: int) -> int:
        """The layer that an epoch trains, counted from 0; as many as there are for up-down."""
        layers = len(self.hidden_layer_sizes)
        return layers if epoch >= self.n_iter * layers else epoch // self.n_iter

    def of_stage(self, stage: int) -> LoopSettings:
        """What the loop works with in a stage."""
        if stage < len(self.hidden_layer_sizes):
            return self
        return replace(self, learning_rate=self.fine_tune_rate)


def hidden_sizes(value: Any, op: str) -> tuple[int, ...]:
    """At least one layer."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise TypeError(f"[{op}] hidden_layer_sizes must be a sequence of integers, got {value!r}")
    if not value:
        raise ValueError(f"[{op}] hidden_layer_sizes must name at least one layer, got {value!r}")
    return tuple(as_integer(n, "hidden_layer_sizes", op) for n in value)


def _options(e: Any, op: str) -> dict[str, Any]:
    persistent = as_choice(e.method, "method", op, ("pcd", "cd")) == "pcd"
    chains = e.batch_size if e.n_chains is None else e.n_chains
    shared = {
        "l2": as_real(e.l2, "l2", op),
        "sample_input": as_flag(e.sample_input, "sample_input", op),
    }
    greedy = {
        "persistent": persistent,
        "k": as_integer(e.k, "k", op),
        "n_chains": as_integer(chains, "n_chains", op),
        "n_temperatures": 1,
        "centered": as_flag(e.centered, "centered", op),
        **shared,
    }
    up_down = {"k": as_integer(e.fine_tune_k, "fine_tune_k", op), **shared}
    return {"n_iter": e.n_iter, "greedy": greedy, "up_down": up_down}


def resolve_dbn(estimator: Any, op: str) -> DBNSettings:
    """Check every parameter of the estimator; `TypeError` or `ValueError` names a wrong one."""
    e = estimator
    loop = loop_settings(e, op)
    bias = as_choice(e.init_visible_bias, "init_visible_bias", op, ("zeros", "data"))
    settings = DBNSettings(
        hidden_layer_sizes=hidden_sizes(e.hidden_layer_sizes, op),
        options=_options(e, op),
        fine_tune_iter=as_integer(e.fine_tune_iter, "fine_tune_iter", op, minimum=0),
        fine_tune_rate=as_rate(e.fine_tune_learning_rate, "fine_tune_learning_rate", op),
        data_bias=bias == "data",
        **loop,
    )
    value_at(settings.fine_tune_rate, 0, "fine_tune_learning_rate", op)
    return settings
