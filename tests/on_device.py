"""The core with every call on the device of the running test: ``from on_device import core``."""

from __future__ import annotations

import functools
from typing import Any

from gibbslab import _core

_TAKE_A_DEVICE = ("DBN", "RBM", "ClassificationRBM", "uniform", "normal")


class _Ops:
    """The op functions, on the device."""

    def __init__(self, device: str) -> None:
        self._device = device

    def __getattr__(self, name: str) -> Any:
        return functools.partial(getattr(_core.ops, name), device=self._device)


class _Dataset:
    """The constructors of `Dataset`, on the device."""

    def __init__(self, device: str) -> None:
        self._device = device

    def __call__(self, x: Any) -> Any:
        return _core.Dataset(x, device=self._device)

    def from_csr(self, *args: Any) -> Any:
        return _core.Dataset.from_csr(*args, device=self._device)


class Core:
    """`gibbslab._core`, but for the device; conftest's `device` fixture sets which."""

    device = "cpu"

    @property
    def ops(self) -> Any:
        return _Ops(self.device)

    @property
    def Dataset(self) -> Any:
        return _Dataset(self.device)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(_core, name)
        if name in _TAKE_A_DEVICE:
            return functools.partial(attribute, device=self.device)
        return attribute


core = Core()


def emulated() -> bool:
    """Whether the running test computes on the emulated card."""
    return core.device == "cuda" and "emulated" in str(_core.device_info("cuda"))


def sized(full: Any, small: Any) -> Any:
    """`full`, or `small` on the emulated card, which takes about 1000 times as long.

    For numbers of samples, and for models whose enumeration is long. The limits of the statistical
    tests are in standard errors or quantiles: fewer samples keep the rate of false alarms and lose
    only power. The CPU and a real card always get the full size.
    """
    return small if emulated() else full
