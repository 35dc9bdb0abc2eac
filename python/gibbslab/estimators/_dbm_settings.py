"""The parameters of the deep Boltzmann machine, checked and resolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._validation import as_integer, as_real
from ._settings import LoopSettings, as_flag, as_rate, loop_settings
from .schedules import Schedule, value_at

__all__ = ["DBMSettings", "resolve_dbm"]


@dataclass(frozen=True)
class DBMSettings(LoopSettings):
    """What one call of ``fit`` or ``partial_fit`` works with; options of all stages."""

    hidden_layer_sizes: tuple[int, ...]
    pretrain_iter: int
    pretrain_rate: Schedule

    def of_stage(self, stage: int) -> LoopSettings:
        """What the loop works with in a stage: a greedy one, or that of all layers."""
        if stage == len(self.hidden_layer_sizes):
            return self
        return replace(self, learning_rate=self.pretrain_rate)


def _hidden_sizes(value: Any, op: str) -> tuple[int, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise TypeError(f"[{op}] hidden_layer_sizes must be a sequence of integers, got {value!r}")
    if len(value) < 2:
        raise ValueError(
            f"[{op}] hidden_layer_sizes must name at least two layers, got {value!r}; one hidden "
            "layer is a BernoulliRBM"
        )
    return tuple(as_integer(n, "hidden_layer_sizes", op) for n in value)


def resolve_dbm(estimator: Any, op: str) -> DBMSettings:
    """Check every parameter of the estimator; `TypeError` or `ValueError` names a wrong one."""
    e = estimator
    loop = loop_settings(e, op)
    chains = e.batch_size if e.n_chains is None else e.n_chains
    pretrain_iter = as_integer(e.pretrain_iter, "pretrain_iter", op, minimum=0)
    joint = {
        "k": as_integer(e.k, "k", op),
        "n_chains": as_integer(chains, "n_chains", op),
        "mean_field_iterations": as_integer(e.mean_field_iterations, "mean_field_iterations", op),
        "mean_field_tolerance": as_real(e.mean_field_tolerance, "mean_field_tolerance", op),
        "l1": as_real(e.l1, "l1", op),
        "l2": as_real(e.l2, "l2", op),
        "centered": as_flag(e.centered, "centered", op),
        "sample_input": as_flag(e.sample_input, "sample_input", op),
    }
    greedy = {"persistent": False, "sample_input": True, "l2": joint["l2"]}
    settings = DBMSettings(
        hidden_layer_sizes=_hidden_sizes(e.hidden_layer_sizes, op),
        options={"pretrain_iter": pretrain_iter, "greedy": greedy, "joint": joint},
        pretrain_iter=pretrain_iter,
        pretrain_rate=as_rate(e.pretrain_learning_rate, "pretrain_learning_rate", op),
        **loop,
    )
    value_at(settings.pretrain_rate, 0, "pretrain_learning_rate", op)
    return settings
