"""The zero-sum gauge of categorical layers: a change of parameters that changes no probability.

A unit's K states share a common weight that the other layer cannot see but through its sum, which
is always 1: W_(uk)j -> W_(uk)j - c_uj and b_j -> b_j + c_uj leave every p(v, h) as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..units import Categorical, Unit

if TYPE_CHECKING:
    from .unit_rbm import UnitRBM

DoubleArray = npt.NDArray[np.float64]


def _centred(x: DoubleArray, states: int) -> tuple[DoubleArray, DoubleArray]:
    """Rows of x (units K, ...) less the mean over the K of their unit, and the sum of the means."""
    groups = x.reshape(-1, states, *x.shape[1:])
    means = groups.mean(axis=1, keepdims=True)
    return (groups - means).reshape(x.shape), means.sum(axis=(0, 1))


def to_zero_sum(model: UnitRBM) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """W, v_bias and h_bias of the same distribution in the zero-sum gauge, float64.

    Raises
    ------
    ValueError
        If no layer is categorical.
    """
    w = model.W.astype(np.float64)
    a, b = model.v_bias.astype(np.float64), model.h_bias.astype(np.float64)
    layers: tuple[Unit, Unit] = (model.visible, model.hidden)
    if not any(isinstance(unit, Categorical) for unit in layers):
        raise ValueError(f"[RBM.zero_sum_gauge] a layer must be categorical, got {model!r}")
    if isinstance(layers[0], Categorical):
        w, moved = _centred(w, layers[0].n_states)
        b = b + moved
    if isinstance(layers[1], Categorical):
        turned, moved = _centred(w.T, layers[1].n_states)
        w, a = turned.T, a + moved
        b = _centred(b, layers[1].n_states)[0]
    if isinstance(layers[0], Categorical):
        a = _centred(a, layers[0].n_states)[0]
    return w, a, b
