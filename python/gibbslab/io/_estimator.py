"""What a file says of any estimator: parameters and the whole training state."""

from __future__ import annotations

import math
import numbers
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from .._validation import as_integer
from ..errors import FormatError
from ..estimators._fitting import TrainedEstimator
from ..estimators._training import Training
from ..estimators.schedules import from_json, to_json
from ._fields import LARGEST, Fields, is_binary, plain
from ._layers import architecture_from_json, architecture_to_json
from ._reader import Document

__all__ = ["describe", "finish", "state_fields", "stored_params", "with_params"]

_COUNTERS = {"epoch": 2**40, "batch": 2**40, "draws": LARGEST}
_STATE = {"seed", "dtype", "feature_names", "history", *_COUNTERS}
_MAX_COLUMNS = 64

Estimator = TypeVar("Estimator", bound=TrainedEstimator)


def stored_params(estimator: Any) -> dict[str, Any]:
    """The parameters as JSON, callbacks left out; `TypeError` for what a file cannot hold."""
    params = {name: plain(v) for name, v in estimator.get_params(deep=False).items()}
    del params["callbacks"]
    for name in estimator._layer_lists:
        params[name] = architecture_to_json(params[name])
    for name in estimator._schedules:
        try:
            params[name] = to_json(params[name])
        except TypeError as error:
            raise TypeError(f"[save] {name}: {error}") from None
    seed = params["random_state"]
    if not (seed is None or isinstance(seed, numbers.Integral)):
        fitted = hasattr(estimator, "_training")
        params["random_state"] = estimator._training.model.seed if fitted else None
    return params


def describe(
    estimator: Any, extra: dict[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The estimator as JSON and tensors; `extra` joins the state."""
    check_is_fitted(estimator)
    params, training = stored_params(estimator), estimator._training
    options = estimator._resolve("save").options
    now = training.state()
    tensors = training.fitted(now["arrays"], options)
    tensors = {n: t.astype(np.uint8) if is_binary(n) else t for n, t in tensors.items()}
    names = getattr(estimator, "feature_names_in_", None)
    state = {
        **now["counters"],
        "seed": training.model.seed,
        "dtype": estimator._dtype.name,
        "feature_names": None if names is None else list(names),
        "history": _history_to_json(training.history),
        **(extra or {}),
    }
    return {"params": params, "state": state}, tensors


def _history_to_json(history: dict[str, list[float]]) -> dict[str, list[Any]]:
    def number(value: float) -> Any:
        return plain(value) if math.isfinite(value) else None

    return {name: [number(x) for x in column] for name, column in history.items()}


def with_params(cls: type[Estimator], document: Document, where: str) -> tuple[Estimator, Any]:
    """An estimator of the file's parameters, and its settings."""
    names = set(cls().get_params(deep=False)) - {"callbacks"}  # type: ignore[attr-defined]
    where = f"{where} params"
    params = dict(Fields(document.metadata.get("params"), where, names)._value)
    try:
        for name in cls._schedules:
            params[name] = from_json(params[name])
        for name in cls._layer_lists:
            params[name] = architecture_from_json(params[name], document)
        if params["random_state"] is not None:
            as_integer(params["random_state"], "random_state", "load", 0, LARGEST)
        estimator = cls(**params)
        return estimator, estimator._resolve("load")
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise FormatError(f"{where}: {error}") from None


def state_fields(document: Document, where: str, extra: set[str] | None = None) -> Fields:
    """The file's state, with the further names that its class has."""
    return Fields(document.metadata.get("state"), f"{where} state", _STATE | (extra or set()))


def finish(
    estimator: Any,
    training: Training,
    state: Fields,
    tensors: dict[str, npt.NDArray[np.float32]],
    n_features: int,
) -> None:
    """Bring a new training to the file's state, and give it to the estimator."""
    counters = {name: state.integer(name, most) for name, most in _COUNTERS.items()}
    counters |= {name: state.integer(name, 2**40) for name in training.further_counters}
    training.restore({"arrays": tensors, "counters": counters})
    training.rows = _rows(state["history"], f"{state.where}.history")
    dtype = np.dtype(state.choice("dtype", ("float32", "float64")))
    names = state.names("feature_names", n_features)
    estimator._dtype = dtype
    estimator._training, estimator.model_ = training, training.model
    estimator.n_features_in_ = n_features
    if names is not None:
        estimator.feature_names_in_ = np.array(names, dtype=object)


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
