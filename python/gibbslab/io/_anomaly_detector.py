"""What a file says of a `gibbslab.AnomalyDetector`: its model, and how it judges by it."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from ..errors import FormatError
from ..estimators.anomaly_detector import AnomalyDetector
from ._fields import Fields, plain
from ._models import build_as, described
from ._reader import Document

__all__ = ["build", "describe"]

_RULE = ("threshold", "contamination", "n_deviations")
_FIELDS = {*_RULE, "model", "default", "offset"}


def describe(detector: AnomalyDetector) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The model's own description, with the detector's fields."""
    check_is_fitted(detector, "estimator_")
    kind, (document, tensors) = described(detector.estimator_)
    offset = getattr(detector, "offset_", math.nan)
    fields = {name: plain(getattr(detector, name)) for name in _RULE}
    fields |= {"model": kind, "default": detector.estimator is None}
    fields["offset"] = offset if math.isfinite(offset) else None
    return {**document, "detector": fields}, tensors


def build(document: Document, where: str) -> AnomalyDetector:
    """The detector that the file describes; `FormatError` names a wrong field."""
    fields = Fields(document.metadata.get("detector"), f"{where} detector", _FIELDS)
    kind, offset, default = fields["model"], fields["offset"], fields["default"]
    if not isinstance(kind, str) or kind == "AnomalyDetector":
        raise fields.fail("model", "the class of an estimator")
    if type(default) is not bool:
        raise fields.fail("default", "true or false")
    if offset is not None and (type(offset) not in (int, float) or abs(offset) > 1e300):
        raise fields.fail("offset", "a number or null")
    model = build_as(kind, document, where)
    if not hasattr(model, "score_samples") or not hasattr(model, "get_params"):
        raise fields.fail("model", "an estimator with score_samples")
    detector = AnomalyDetector(
        None if default else clone(model), **{name: fields[name] for name in _RULE}
    )
    try:
        detector._check_rule("load")
    except (TypeError, ValueError) as error:
        raise FormatError(f"{where} detector: {error}") from None
    detector.estimator_ = model
    if offset is not None:
        detector.offset_ = float(offset)
    return detector
