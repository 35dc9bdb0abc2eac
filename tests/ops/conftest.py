"""Everything in this folder runs on every device."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def on_every_device(device: str) -> str:
    """Makes the `device` fixture part of every test here."""
    return device
