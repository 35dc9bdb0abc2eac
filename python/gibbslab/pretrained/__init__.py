"""Trained models that come with the package."""

from __future__ import annotations

from ._load import available, load_pretrained

__all__ = ["available", "load_pretrained"]
