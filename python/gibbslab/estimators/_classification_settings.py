"""The parameters of the classification RBM, checked and resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._validation import as_integer, as_real
from ._settings import LoopSettings, as_choice, as_flag, loop_settings

__all__ = ["ClassificationSettings", "resolve"]


@dataclass(frozen=True)
class ClassificationSettings(LoopSettings):
    """What one call of ``fit`` works with; options of _core.ClassificationOptions."""

    n_hidden: int


def resolve(estimator: Any, op: str) -> ClassificationSettings:
    """Check every parameter of the estimator; `TypeError` or `ValueError` names a wrong one."""
    e = estimator
    objective = as_choice(e.objective, "objective", op, ("joint", "discriminative", "hybrid"))
    alpha = as_real(e.alpha, "alpha", op)
    chains = e.batch_size if e.n_chains is None else e.n_chains
    options = {
        "discriminative": 0.0 if objective == "joint" else 1.0,
        "generative": {"joint": 1.0, "discriminative": 0.0, "hybrid": alpha}[objective],
        "persistent": as_choice(e.method, "method", op, ("cd", "pcd")) == "pcd",
        "k": as_integer(e.k, "k", op),
        "n_chains": as_integer(chains, "n_chains", op),
        "l1": as_real(e.l1, "l1", op),
        "l2": as_real(e.l2, "l2", op),
        "sample_input": as_flag(e.sample_input, "sample_input", op),
    }
    return ClassificationSettings(
        n_hidden=as_integer(e.n_hidden, "n_hidden", op), options=options, **loop_settings(e, op)
    )
