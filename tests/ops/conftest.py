"""Everything in this folder runs on every device."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

if find_spec("torch") is None:
    collect_ignore_glob = ["test_*_torch.py"]


@pytest.fixture(autouse=True)
def on_every_device(device: str) -> str:
    """Makes the `device` fixture part of every test here."""
    return device
