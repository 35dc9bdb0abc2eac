"""Labels of any kind as the numbers 0 ... K - 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_consistent_length, column_or_1d

__all__ = ["Labels", "as_labels"]


@dataclass(frozen=True)
class Labels:
    """Checked labels, one per row of the data; rows are taken as of an array."""

    codes: npt.NDArray[np.int64]  # places in `classes`
    classes: npt.NDArray[Any]  # sorted, all different

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows,)."""
        return self.codes.shape

    def __getitem__(self, rows: Any) -> Labels:
        return Labels(self.codes[rows], self.classes)


def as_labels(y: Any, X: Any, op: str, classes: Any = None) -> Labels:
    """`y` in terms of `classes`, by default its own distinct values.

    Raises
    ------
    ValueError
        If `y` is missing, of another length than X, continuous, not finite, or has a label that
        is none of the classes.
    """
    if y is None:
        raise ValueError(f"[{op}] requires y to be passed, but the target y is None")
    values = column_or_1d(y, warn=True)
    if values.dtype.kind == "f":
        assert_all_finite(values, input_name="y")
    check_classification_targets(values)
    check_consistent_length(X, values)
    known = np.unique(values) if classes is None else np.unique(np.asarray(classes))
    codes = np.searchsorted(known, values).astype(np.int64)
    strange = known[np.minimum(codes, len(known) - 1)] != values
    if np.any(strange):
        raise ValueError(
            f"[{op}] y must hold labels of classes_ only, {known.tolist()!r:.200}, got "
            f"{values[strange][0]!r}"
        )
    return Labels(codes, known)
