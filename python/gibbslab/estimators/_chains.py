"""The chains of the negative phase as a training state has them: one per row, or with replicas."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ._training import Arrays

__all__ = ["chain_shapes", "rows_at_beta_one", "with_chains"]


def rows_at_beta_one(state: Arrays) -> npt.NDArray[np.int64]:
    """The rows of ``chains`` whose inverse temperature is 1, chain by chain."""
    n_rows = len(state["chains"])
    if "replicas" not in state:
        return np.arange(n_rows)
    levels = state["ladder"].shape[1]
    n_chains = n_rows // levels
    rows = np.flatnonzero(state["replicas"][0] == levels - 1)
    return rows[np.argsort(rows % n_chains)]  # row r belongs to chain r modulo n_chains


def chain_shapes(options: dict[str, Any], hidden: int) -> dict[str, tuple[int, ...]]:
    """The arrays of a state that hold chains, with their shapes."""
    if not options["persistent"]:
        return {}
    chains, levels = options["n_chains"], options["n_temperatures"]
    if levels == 1:
        return {"chains": (chains, hidden)}
    rows = levels * chains
    return {"chains": (rows, hidden), "ladder": (3, levels), "replicas": (3, rows)}


def with_chains(state: Arrays, options: dict[str, Any], hidden: int) -> Arrays:
    """The state with the chains that the options ask for.

    Other numbers of chains or temperatures start from the states at inverse temperature 1, which
    go round again; where there were none, all units are 0.
    """
    wanted = chain_shapes(options, hidden)
    ours = ("chains", "ladder", "replicas")
    if all(name in state and state[name].shape == shape for name, shape in wanted.items()):
        kept = {name: state[name] for name in wanted}
    else:
        old = np.zeros((1, hidden), np.float32)
        if "chains" in state:
            old = state["chains"][rows_at_beta_one(state)]
        kept = {"chains": np.resize(old, wanted["chains"])}
    return {name: value for name, value in state.items() if name not in ours} | kept
