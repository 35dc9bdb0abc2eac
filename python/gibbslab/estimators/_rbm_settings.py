"""The parameters of the Bernoulli RBM, checked and resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._validation import as_integer, as_real
from ._settings import (
    LoopSettings,
    as_choice,
    as_flag,
    as_positive_or_none,
    loop_settings,
)

__all__ = ["Settings", "rbm_options", "resolve"]


@dataclass(frozen=True)
class Settings(LoopSettings):
    """What one call of ``fit`` or ``partial_fit`` works with; options of _core.TrainOptions."""

    n_components: int
    data_bias: bool


def rbm_options(estimator: Any, op: str) -> dict[str, Any]:
    """The options that all estimators of one RBM have in common."""
    e = estimator
    chains = e.batch_size if e.n_chains is None else e.n_chains
    target = as_positive_or_none(e.sparsity_target, "sparsity_target", op)
    if target >= 1:
        raise ValueError(f"[{op}] sparsity_target must be in (0, 1), got {e.sparsity_target!r}")
    cost = as_real(e.sparsity_cost, "sparsity_cost", op)
    statistics = as_choice(e.statistics, "statistics", op, ("mean", "sample"))
    return {
        "persistent": e.method in ("pcd", "pt"),
        "exact": e.method == "exact",
        "k": as_integer(e.k, "k", op),
        "n_chains": as_integer(chains, "n_chains", op),
        "n_temperatures": 1,
        "l1": as_real(e.l1, "l1", op),
        "l2": as_real(e.l2, "l2", op),
        "max_norm": as_positive_or_none(e.max_norm, "max_norm", op),
        "centered": as_flag(e.centered, "centered", op),
        "sparsity_target": target,
        "sparsity_cost": cost if target else 0.0,
        "hidden_samples": statistics == "sample",
    }


def _options(estimator: Any, op: str) -> dict[str, Any]:
    method = as_choice(estimator.method, "method", op, ("pcd", "cd", "pt", "exact"))
    levels = as_integer(estimator.n_temperatures, "n_temperatures", op)
    return {
        **rbm_options(estimator, op),
        "n_temperatures": levels if method == "pt" else 1,
        "sample_input": as_flag(estimator.sample_input, "sample_input", op),
    }


def resolve(estimator: Any, op: str) -> Settings:
    """Check every parameter of the estimator; `TypeError` or `ValueError` names a wrong one."""
    loop = loop_settings(estimator, op)
    bias = as_choice(estimator.init_visible_bias, "init_visible_bias", op, ("zeros", "data"))
    return Settings(
        n_components=as_integer(estimator.n_components, "n_components", op),
        options=_options(estimator, op),
        data_bias=bias == "data",
        **loop,
    )
