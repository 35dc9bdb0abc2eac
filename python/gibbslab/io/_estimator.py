"""What a file says of a `gibbslab.BernoulliRBM`: parameters and the whole training state."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from .._validation import as_integer
from ..errors import FormatError
from ..estimators._settings import Settings, resolve
from ..estimators._training import Training, begin, with_chains
from ..estimators.bernoulli_rbm import BernoulliRBM
from ..estimators.schedules import from_json, to_json
from ._fields import Fields, layer_sizes, tensors_of
from ._reader import Document

__all__ = ["build", "describe", "stored_params"]

_LARGEST = 2**64 - 1
_SCHEDULES = ("learning_rate", "momentum")
_STATE = {"seed", "draws", "epoch", "batch", "dtype", "feature_names", "history"}
_MAX_COLUMNS = 64


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def stored_params(estimator: BernoulliRBM) -> dict[str, Any]:
    """The parameters as JSON, callbacks left out; `TypeError` for what a file cannot hold."""
    params = {name: _plain(v) for name, v in estimator.get_params(deep=False).items()}
    del params["callbacks"]
    for name in _SCHEDULES:
        try:
            params[name] = to_json(params[name])
        except TypeError as error:
            raise TypeError(f"[save] {name}: {error}") from None
    seed = params["random_state"]
    if not (seed is None or isinstance(seed, numbers.Integral)):
        params["random_state"] = estimator.model_.seed if hasattr(estimator, "model_") else None
    return params


def describe(estimator: BernoulliRBM) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The estimator as JSON and tensors."""
    check_is_fitted(estimator)
    params, training = stored_params(estimator), estimator._training
    options = resolve(estimator, "save").options
    now = training.state()
    tensors = with_chains(now["arrays"], options, training.model.h_size)
    if "chains" in tensors:
        tensors["chains"] = tensors["chains"].astype(np.uint8)
    names = getattr(estimator, "feature_names_in_", None)
    state = {
        **now["counters"],
        "seed": training.model.seed,
        "dtype": estimator._dtype.name,
        "feature_names": None if names is None else list(names),
        "history": _history_to_json(training.history),
    }
    return {"params": params, "state": state}, tensors


def _history_to_json(history: dict[str, list[float]]) -> dict[str, list[Any]]:
    def number(value: float) -> Any:
        return _plain(value) if math.isfinite(value) else None

    return {name: [number(x) for x in column] for name, column in history.items()}


def build(document: Document, where: str) -> BernoulliRBM:
    """The estimator that the file describes; `FormatError` names a wrong field."""
    visible, hidden = layer_sizes(document, where)
    estimator, settings = _with_params(document.metadata.get("params"), f"{where} params")
    tensors = tensors_of(document, where, _shapes(visible, hidden, settings))
    state = Fields(document.metadata.get("state"), f"{where} state", _STATE)
    training = begin(visible, hidden, settings, state.integer("seed", _LARGEST))
    counters = {"epoch": 2**40, "batch": 2**40, "draws": _LARGEST}
    counters = {name: state.integer(name, most) for name, most in counters.items()}
    training.restore({"arrays": tensors, "counters": counters})
    training.rows = _rows(state["history"], f"{where} state.history")
    _finish(estimator, training, state)
    return estimator


def _with_params(value: Any, where: str) -> tuple[BernoulliRBM, Settings]:
    names = set(BernoulliRBM().get_params(deep=False)) - {"callbacks"}
    params = dict(Fields(value, where, names)._value)
    try:
        for name in _SCHEDULES:
            params[name] = from_json(params[name])
        if params["random_state"] is not None:
            as_integer(params["random_state"], "random_state", "load", 0, _LARGEST)
        estimator = BernoulliRBM(**params)
        return estimator, resolve(estimator, "load")
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise FormatError(f"{where}: {error}") from None


def _shapes(visible: int, hidden: int, settings: Settings) -> dict[str, tuple[int, ...]]:
    sizes: dict[str, tuple[int, ...]] = {"W": (visible, hidden), "velocity_W": (visible, hidden)}
    for name in ("v_bias", "velocity_v_bias", "visible_offset"):
        sizes[name] = (visible,)
    for name in ("h_bias", "velocity_h_bias", "hidden_offset", "hidden_activity"):
        sizes[name] = (hidden,)
    if settings.options["persistent"]:
        sizes["chains"] = (settings.options["n_chains"], hidden)
    return sizes


def _rows(value: Any, where: str) -> list[dict[str, float]]:
    """The history's columns as rows."""
    if not isinstance(value, dict) or len(value) > _MAX_COLUMNS:
        raise FormatError(f"{where} must be an object of at most {_MAX_COLUMNS} columns")
    if value and "epoch" not in value:
        raise FormatError(f"{where}.epoch must be there")
    length = len(value["epoch"]) if value and isinstance(value["epoch"], list) else 0
    for name, column in value.items():
        if not isinstance(column, list) or len(column) != length:
            raise FormatError(f"{where}.{name[:80]} must be a list as long as epoch's")
        least = int if name == "epoch" else (int, float, type(None))
        if not all(isinstance(x, least) and not isinstance(x, bool) for x in column):
            raise FormatError(f"{where}.{name[:80]} must hold numbers")
    columns = {n: [np.nan if x is None else x for x in column] for n, column in value.items()}
    return [{name: column[i] for name, column in columns.items()} for i in range(length)]


def _finish(estimator: BernoulliRBM, training: Training, state: Fields) -> None:
    visible = training.model.v_size
    dtype = np.dtype(state.choice("dtype", ("float32", "float64")))
    names = state.names("feature_names", visible)
    estimator._dtype = dtype
    estimator._training, estimator.model_ = training, training.model
    estimator.n_features_in_, estimator._n_features_out = visible, training.model.h_size
    if names is not None:
        estimator.feature_names_in_ = np.array(names, dtype=object)
