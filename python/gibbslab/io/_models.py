"""Saving and loading of models."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from ..errors import FormatError
from ._encode import encode
from ._reader import MAX_FILE_BYTES, Document, read
from ._writer import write_atomically

__all__ = ["build", "build_as", "check_storable", "described", "load", "save"]


class _Format(NamedTuple):
    cls: type
    describe: Callable[[Any], tuple[dict[str, Any], dict[str, Any]]]
    build: Callable[[Document, str], Any]


def _formats() -> dict[str, _Format]:
    """Classes by the name a file gives them. Imported late: they use this package themselves."""
    from .. import estimators, models
    from . import (
        _anomaly_detector,
        _autoencoder,
        _bernoulli_rbm,
        _classification_model,
        _classification_rbm,
        _dbm,
        _dbm_estimator,
        _dbn,
        _dbn_estimator,
        _gaussian_rbm,
        _rbm,
        _unit_rbm,
        _vae,
    )

    found = {
        "AnomalyDetector": (estimators.AnomalyDetector, _anomaly_detector),
        "Autoencoder": (estimators.Autoencoder, _autoencoder),
        "BernoulliRBM": (estimators.BernoulliRBM, _bernoulli_rbm),
        "ClassificationRBM": (estimators.ClassificationRBM, _classification_rbm),
        "DBM": (estimators.DBM, _dbm_estimator),
        "DBN": (estimators.DBN, _dbn_estimator),
        "GaussianRBM": (estimators.GaussianRBM, _gaussian_rbm),
        "RBM": (models.RBM, _rbm),
        "UnitRBM": (models.UnitRBM, _unit_rbm),
        "VAE": (estimators.VAE, _vae),
        "models.ClassificationRBM": (models.ClassificationRBM, _classification_model),
        "models.DBM": (models.DBM, _dbm),
    }
    out = {name: _Format(cls, how.describe, how.build) for name, (cls, how) in found.items()}
    out["DBNClassifier"] = _Format(
        estimators.DBNClassifier, _classification_rbm.describe, _dbn_estimator.build_classifier
    )
    for cls in (models.DBN, models.DBNWithFineTuning, models.DeepBeliefNetwork):
        out[f"models.{cls.__name__}"] = _Format(cls, _dbn.describe, partial(_dbn.build_as, cls))
    return out


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a model to a safetensors file, atomically.

    A crash, a kill or a power cut at any moment leaves the old or the new file, complete.
    Everything needed to go on training bit for bit is in it: weights, velocities, chains, the
    place in the random stream and in the epoch, the history, the parameters. Callbacks are not;
    a RandomState or Generator given as ``random_state`` is stored as the seed drawn from it.

    Parameters
    ----------
    model : an estimator, or one of `gibbslab.models`
        An estimator must be fitted.
    path : str or path-like
        File to write.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If `model` is something else, or a parameter is a function, which a file cannot hold:
        use a schedule of `gibbslab.estimators`.
    OSError
        If the file cannot be written, with its path and the bytes needed; the old one is kept.
    """
    kind, (document, tensors) = described(model)
    write_atomically(path, encode(kind, document, tensors), "save")


def described(model: Any) -> tuple[str, tuple[dict[str, Any], dict[str, Any]]]:
    """The name that a file gives the model's class, and what it says of the model."""
    for kind, how in _formats().items():
        if type(model) is how.cls:
            return kind, how.describe(model)
    names = " or ".join(_formats())
    raise TypeError(f"[save] model must be a {names}, got {type(model).__name__}")


def load(path: str | os.PathLike[str], *, max_bytes: int = MAX_FILE_BYTES) -> Any:
    """Read a model back from a file that `save` wrote.

    Runs no code from the file, and checks every field before it is used. Memory stays below
    three times the file's size plus 128 MiB.

    Parameters
    ----------
    path : str or path-like
        File to read.
    max_bytes : int, default=4 GiB
        Largest file to accept.

    Returns
    -------
    an estimator, or one of `gibbslab.models`
        The same class, predictions and place in the random stream as saved.

    Raises
    ------
    FormatError
        If the file is damaged or not one of ours; the message names the field.
    OSError
        If it cannot be read.
    """
    where = f"[load] {os.fspath(path)!s}:"
    return build(read(path, max_bytes), where)


def build(document: Document, where: str) -> Any:
    """The model that a sound file describes; `FormatError` if it describes none."""
    return build_as(document.metadata.get("class"), document, where)


def build_as(kind: Any, document: Document, where: str) -> Any:
    """The same, whatever the file says of the class."""
    formats = _formats()
    if not isinstance(kind, str) or kind not in formats:
        raise FormatError(f"{where} class must be one of {sorted(formats)}, got {str(kind)[:80]!r}")
    return formats[kind].build(document, where)


def check_storable(estimator: Any) -> None:
    """Raise the `TypeError` that `save` would, before any work is done."""
    from ._estimator import stored_params

    stored_params(estimator)
