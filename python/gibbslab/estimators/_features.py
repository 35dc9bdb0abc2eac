"""A layer's probabilities as features, in scikit-learn's manner."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

__all__ = ["Features"]


class Features(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """A transformer of dense or sparse rows that keeps float32 and float64 apart."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
