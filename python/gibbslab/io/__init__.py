"""Saving and loading: safetensors files, written atomically, read without trust."""

from __future__ import annotations

from ._models import check_storable, load, save
from ._writer import write_atomically

__all__ = ["check_storable", "load", "save", "write_atomically"]
