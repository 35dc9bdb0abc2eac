"""Measures that need no estimate of the partition function."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .._validation import as_batch
from ._model import step_model


def free_energy_gap(
    model: Any, X_train: npt.ArrayLike, X_valid: npt.ArrayLike, *, beta: float = 1.0
) -> float:
    """Mean free energy of validation data minus that of training data, in nats.

    It equals the difference of their mean log-likelihoods, since log Z cancels. Near 0 the model
    does not overfit; a gap that grows during training says that it does (Hinton 2010, section 6).

    Parameters
    ----------
    model : RBM or fitted estimator
        The model.
    X_train, X_valid : array_like of shape (n, V), (m, V)
        Samples the model was trained on, and as many or fewer that it has not seen.
    beta : float, default=1.0
        Inverse temperature, at least 0.

    Returns
    -------
    float

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or value.
    """
    op = "free_energy_gap"
    rbm = step_model(model, op)
    train = as_batch(X_train, "X_train", op, rbm.v_size, device=rbm.device)
    valid = as_batch(X_valid, "X_valid", op, rbm.v_size, device=rbm.device)
    gap = rbm.free_energy(valid, beta=beta).mean() - rbm.free_energy(train, beta=beta).mean()
    return float(gap)


def reconstruction_error(
    model: Any, X: npt.ArrayLike, *, k: int = 1, beta: float = 1.0
) -> npt.NDArray[np.float64]:
    """Mean square of x - v_prob over the visible units, per sample.

    Parameters
    ----------
    model : RBM or fitted estimator
        The model; its random stream moves on.
    X : array_like of shape (n, V)
        Samples.
    k : int, default=1
        Gibbs sweeps from x to the probabilities v_prob, at least 1.
    beta : float, default=1.0
        Inverse temperature, at least 0.

    Returns
    -------
    ndarray of shape (n,), float64

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or value.
    """
    rbm = step_model(model, "reconstruction_error")
    data = as_batch(X, "X", "reconstruction_error", rbm.v_size, device=rbm.device)
    return rbm.reconstruction_error(data, k=k, beta=beta)
