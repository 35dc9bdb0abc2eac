"""Which device a model computes on: the CPU, or a card through the plug-in ``_cuda``."""

from __future__ import annotations

import contextlib
import functools
import importlib
import warnings
from pathlib import Path
from typing import Any

from . import _core

DEVICES = ("auto", "cpu", "cuda")


@functools.cache
def cuda_absent() -> str:
    """Why there is no CUDA, in words, or ``""``; opens the plug-in at the first call."""
    if _core.BUILT_WITHOUT_CUDA:
        return f"gibbslab was built without CUDA: {_core.BUILT_WITHOUT_CUDA}"
    plugin = Path(_core.__file__).with_name("_cuda.so")
    if not plugin.is_file():
        return f"the plug-in '{plugin.name}' is missing from the installation: reinstall gibbslab"
    _load_cublas()
    return str(_core.load_plugin(str(plugin)))


def _load_cublas() -> None:
    """Let NVIDIA's finder load cuBLAS from its wheels, from conda or from the system."""
    # Where it is not installed, or finds nothing, the plug-in asks the system's loader itself.
    with contextlib.suppress(Exception):
        importlib.import_module("cuda.pathfinder").load_nvidia_dynamic_lib("cublas")


@functools.cache
def _say_that_auto_means_cpu(reason: str) -> None:
    warnings.warn(f"device='auto' uses the CPU: {reason}", UserWarning, stacklevel=4)


def as_device(device: Any, op: str = "device") -> str:
    """The device that will be used, ``"cpu"`` or ``"cuda"``.

    With ``"auto"`` a card is taken if one works; where the package has a CUDA backend that cannot
    be used, a warning says so once.

    Raises
    ------
    RuntimeError
        If ``"cuda"`` is asked for and cannot be had.
    ValueError
        If `device` is no name of a device.
    """
    if not isinstance(device, str) or device not in DEVICES:
        which = ""
        if isinstance(device, str) and device.startswith("cuda:"):
            which = "; 'cuda' is the first card, and CUDA_VISIBLE_DEVICES chooses which that is"
        raise ValueError(f"[{op}] device must be 'auto', 'cpu' or 'cuda', got {device!r}{which}")
    if device == "cpu" or (device == "auto" and _core.BUILT_WITHOUT_CUDA):
        return "cpu"
    reason = cuda_absent()
    if not reason:
        return "cuda"
    if device == "cuda":
        raise RuntimeError(f"[{op}] device='cuda' cannot be used: {reason}")
    _say_that_auto_means_cpu(reason)
    return "cpu"


def usable_device(device: str) -> str:
    """The device of a model that comes from a file or another process; the CPU if it is not here.

    A model belongs to no machine: where its device cannot be had, a warning says so.
    """
    if device == "cpu" or not cuda_absent():
        return device
    warnings.warn(
        f"the model was on {device!r} and is now on the CPU: {cuda_absent()}", stacklevel=2
    )
    return "cpu"


def cuda_in_words() -> str:
    """What `show_config` says of CUDA."""
    reason = cuda_absent()
    return f"absent: {reason}" if reason else str(_core.device_info("cuda"))
